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
  return () => remove(folder);
}

/** Lists it anew where a process that outlived its test has written meanwhile, which rmSync's own retries do not. */
function remove(folder: string, attempts = 5): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if (attempts === 1) throw error;
    remove(folder, attempts - 1);
  }
}
