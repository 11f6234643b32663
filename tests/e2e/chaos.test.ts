/** Processes killed at random moments, a hundred times: scripts/chaos.js. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { finish } from "./hnorm.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/chaos.js", import.meta.url));

test("100 kills: each run is finished once, with the bytes of an undisturbed sweep", async () => {
  const { code, stdout, stderr } = await finish(spawn(process.execPath, [SCRIPT, "--kills", "100"]));
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^chaos: 1\d\d kills .* all finished, all bytes as undisturbed/);
}, 600_000);
