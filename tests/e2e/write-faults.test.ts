/** A whole sweep on a disk that takes half of a write, is full for a moment, or fails: the bytes of an undisturbed one. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const { ENOSPC, EIO } = constants.errno;
const CONFIG = tiny({
  train: { steps: 60, batch_size: 4, lr: 0.01 },
  log: { grad_norms_every: 1 },
  checkpoint: { every: 5, keep: 2 },
});
/** Calls of a process, counted from its first: early ones come before there is a checkpoint, late ones after. */
const FAULTS = [
  ...[3, 11, 60, 150].map((at) => `write:${at}:${ENOSPC}`),
  ...[7, 90, 200].map((at) => `write:${at}:${EIO}`),
  ...[2, 13, 30].map((at) => `fsync:${at}:${EIO}`),
];
const compiler = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;

test.skipIf(!compiler)(
  "short writes, ENOSPC, EIO, and fsync that fails: nothing of it stays",
  async () => {
    const dir = folder();
    const library = join(dir, "shim.so");
    const source = join(import.meta.dirname, "write-shim.c");
    const built = spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], {
      encoding: "utf8",
    });
    expect(built.status, built.stderr).toBe(0);
    const done = join(dir, "faults");
    mkdirSync(done);
    const shim = {
      LD_PRELOAD: library,
      SHIM_UNDER: join(dir, "runs"),
      SHIM_DONE: done,
      SHIM_PLAN: FAULTS.join(" "),
      HNORM_RETRY_SECONDS: "0.05",
    };
    file(dir, "s.yaml", CONFIG);
    // The sweep's own files are hit too: then its command ends with a line that says so, and is run again.
    let code: number | null = null;
    for (let tries = 0; code !== 0 && tries < 2 * FAULTS.length; tries++) {
      const ended = await finish(start(dir, ["sweep", "s.yaml", "--retries", "100"], shim));
      expect(ended.stderr).not.toMatch(/\n {4}at /);
      code = ended.code;
    }
    expect(code).toBe(0);
    expect(readdirSync(done).length).toBeGreaterThan(FAULTS.length / 2);
    const whole = folder();
    expect((await hnorm(whole, "sweep", file(whole, "s.yaml", CONFIG))).code).toBe(0);
    const [run, expected] = [dir, whole].map((at) => {
      const sweep = join(at, "runs", "s");
      return join(sweep, readdirSync(sweep).find((name) => name.startsWith("run-"))!);
    });
    for (const name of ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"])
      expect(readFileSync(join(run!, name)).equals(readFileSync(join(expected!, name))), name).toBe(true);
    expect((await hnorm(dir, "verify", "--files", "runs/s")).code).toBe(0);
  },
  240_000,
);
