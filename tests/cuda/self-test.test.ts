/** `engine: auto` on a machine with a GPU: its self-test runs once, and it is taken if that passes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { file, finish, folder, start, tiny } from "../e2e/hnorm.ts";
import { environment, missing, reason } from "./engine.ts";

/** The first run compiles every kernel, with a C++ compiler. */
const TIMEOUT = 600_000;
const TESTED = "running the self-test of engine cuda, once on this machine";

const hnorm = (dir: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  finish(start(dir, args, { ...environment, HNORM_CUDA_SIM_QUIET: "1", ...more }));

function sweepIn(dir: string): readonly string[] {
  const train = { steps: 2, batch_size: 4, lr: 0.01 };
  file(dir, "g.yaml", tiny({ engine: "auto", train, eval: { tokens: 32 } }));
  return ["sweep", "g.yaml"];
}

/** What trained the sweep's only run. */
function engineOf(dir: string): string {
  const root = join(dir, "runs", "g");
  const run = readdirSync(root).find((name) => name.startsWith("run-"))!;
  return (JSON.parse(readFileSync(join(root, run, "status.json"), "utf8")) as { engine: string }).engine;
}

describe.skipIf(missing)(reason, () => {
  test(
    "a sweep tests the GPU, trains on it, and does not test again",
    async () => {
      const dir = folder();
      const before = await hnorm(dir, ["doctor"]);
      expect(before.stdout).toMatch(/engine cuda +ok .*selected by `engine: auto`/);
      expect(before.stdout).toContain("not self-tested on this machine; run `hnorm selftest engine cuda`");

      const first = await hnorm(dir, sweepIn(dir));
      expect(first.code, first.stderr).toBe(0);
      expect(first.stderr.split(TESTED)).toHaveLength(2);
      expect(engineOf(dir)).toBe("cuda");
      expect((await hnorm(dir, ["doctor"])).stdout).toContain("self-test passed here on 2");

      const again = await hnorm(dir, [...sweepIn(dir), "train.seed=2"]);
      expect(again.code, again.stderr).toBe(0);
      expect(again.stderr).not.toContain(TESTED);
    },
    TIMEOUT,
  );

  test(
    "a GPU that fails its self-test is skipped, with the reason",
    async () => {
      const dir = folder();
      const { code, stderr } = await hnorm(dir, sweepIn(dir), {
        HNORM_CUDA_SIM_FAULT: "launch:adamUpdate:3",
      });
      expect(code, stderr).toBe(0);
      expect(stderr.split(TESTED), "tested once for the sweep and its runs").toHaveLength(2);
      expect(stderr).toMatch(/skipped: engine cuda: its self-test did not finish .*CUDA_ERROR_LAUNCH_FAILED/);
      expect(engineOf(dir)).toBe("cpu");
    },
    TIMEOUT,
  );
});
