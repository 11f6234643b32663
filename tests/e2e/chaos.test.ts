/** Processes killed at random moments, over and over: scripts/chaos.js with fewer kills than it does by itself. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { finish } from "./hnorm.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/chaos.js", import.meta.url));

test("25 kills: each run is finished once, with the bytes of an undisturbed sweep", async () => {
  const { code, stdout, stderr } = await finish(spawn(process.execPath, [SCRIPT, "--kills", "25"]));
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^chaos: (2[5-9]|3\d) kills .* all finished, all bytes as undisturbed/);
}, 300_000);
