/**
 * Before any test: builds dist/, which the end-to-end tests run by the real bin/hnorm.js. All temporary folders lie in
 * one, which goes when the tests have ended, whatever became of them.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const { status } = spawnSync(process.execPath, ["scripts/build.js"], { stdio: "inherit" });
  if (status !== 0) throw new Error("the build failed");
  const folder = mkdtempSync(join(tmpdir(), "hnorm-tests-"));
  process.env.HNORM_TEST_CACHE ??= tmpdir(); // what outlives the tests
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
