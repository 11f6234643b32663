/** `hnorm sweep --launcher slurm` and `hnorm cancel` as a user calls them, with programs in Slurm's place. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, finish, folder, hnorm, start, tiny } from "../../e2e/hnorm.ts";
import { fakeSlurm } from "./fake.ts";

const GRID = { sweep: { grid: { "train.seed": [1, 2] } } };

test("a machine without the engine, too small and too slow, can submit the sweep; the data is prepared on it", async () => {
  const fake = fakeSlurm();
  const dir = folder();
  const train = { steps: 10_000_000, batch_size: 64, micro_batch_size: 64, lr: 0.01 };
  const model = { preset: "dense-1.2b", vocab_size: 8, seq_len: 16 };
  file(dir, "q.yaml", tiny({ ...GRID, engine: "cuda", model, train }));
  const { code, stdout, stderr } = await hnorm(dir, "sweep", "q.yaml", "--launcher", "slurm");
  expect(code, stderr).toBe(0);
  expect(stdout).toBe(
    "submitted job 101: 2 runs\nsubmitted job 102: the report, once all others have ended\n",
  );
  expect(stderr).toContain("data: markov");
  const root = join(dir, "runs", "q", "slurm");
  const scripts = readdirSync(root)
    .map((nonce) => join(root, nonce, "submit.slurm"))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, "utf8"));
  expect(scripts).toHaveLength(2);
  for (const script of scripts) {
    expect(script).toContain(`hnorm=(${process.execPath} `);
    expect(script).toContain(`HNORM_CACHE_DIR=${join(dir, "cache")}`);
  }
  const again = await hnorm(dir, "sweep", "q.yaml", "--launcher", "slurm");
  expect(again.stdout).toBe("nothing to submit\nnot submitted: 2 queued\n");

  const cancelled = await hnorm(dir, "cancel", "runs/q");
  expect(cancelled.code, cancelled.stderr).toBe(0);
  expect(cancelled.stdout).toMatch(/^cancelled job 101_0: seed1-\S+ \(queued\)\n/);
  expect(fake.calls("scancel")).toEqual(["101 102"]);
});

test("cancel stops a sweep on this machine, which saves first; the same command goes on", async () => {
  const dir = folder();
  const train = { steps: 100_000, batch_size: 4, micro_batch_size: 2, lr: 0.01 };
  file(dir, "q.yaml", tiny({ train, sweep: { grid: { "train.seed": [1, 2] } } }));
  const child = start(dir, ["sweep", "q.yaml"]);
  const ended = finish(child);
  const run = () => readdirSync(join(dir, "runs", "q")).find((name) => name.startsWith("seed1-"))!;
  const metrics = () =>
    existsSync(join(dir, "runs", "q")) && run() ? join(dir, "runs", "q", run(), "metrics.csv") : "";
  await expect
    .poll(() => existsSync(metrics()) && readFileSync(metrics(), "utf8"), { timeout: 60_000 })
    .toContain("\n5,");

  const single = await hnorm(dir, "cancel", "runs/q", "--run", run());
  expect(single.code).toBe(69);
  expect(single.stderr).toContain("held by a worker on this machine, which would restart it");
  const { code, stdout, stderr } = await hnorm(dir, "cancel", "runs/q");
  expect(code, stderr).toBe(0);
  expect(stdout).toBe(`signalled process ${child.pid} to save and stop: ${run()}\n`);
  expect((await ended).code).toBe(75);
  const status = JSON.parse(readFileSync(join(dir, "runs", "q", run(), "status.json"), "utf8"));
  expect(status.state).toBe("interrupted");
  expect((await hnorm(dir, "cancel", "runs/q")).stderr).toContain("nothing is queued or running");
  expect((await hnorm(dir, "cancel", "runs/q", "--run", "seed3")).stderr).toContain("no run seed3 here");
}, 120_000);
