/** Many workers at one sweep, some of them killed or put to sleep: each run is trained once, to the same bytes. */
import type { ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { type AttemptRecord, readAttempts } from "../../src/runs/attempts.ts";
import { type LeaseView, readLease } from "../../src/runs/lease.ts";
import { file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const COMPARED = ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"];
const LONG = {
  engine: "reference",
  train: { steps: 200, batch_size: 4, micro_batch_size: 2, lr: 0.01 },
  checkpoint: { every: 5, keep: 2, minutes: null },
};

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A worker at the sweep in `dir/runs/s`, that looks after the others every 0.1 s or so. */
function worker(dir: string, ...args: readonly string[]) {
  const env = { HNORM_LEASE_SECONDS: "2", HNORM_RETRY_SECONDS: "0.1" };
  const child = start(dir, ["worker", "--sweep", "runs/s", ...args], env);
  children.push(child);
  return { child, ended: finish(child) };
}

/** Folders of sweeps that are finished, by their config: each is trained undisturbed once. */
const undisturbed = new Map<string, string>();
afterAll(() => {
  for (const dir of undisturbed.values()) rmSync(dir, { recursive: true, force: true });
});

/** A sweep that is finished, and a folder with nothing but its list of runs. */
async function sweepAndCopy(
  config: string,
): Promise<{ whole: string; dir: string; runs: readonly string[] }> {
  const first = undisturbed.get(config) ?? mkdtempSync(join(tmpdir(), "hnorm-whole-"));
  if (!undisturbed.has(config)) {
    undisturbed.set(config, first);
    expect((await hnorm(first, "sweep", file(first, "s.yaml", config))).code).toBe(0);
  }
  const dir = folder();
  const [whole, copy] = [first, dir].map((at) => join(at, "runs", "s")) as [string, string];
  mkdirSync(copy, { recursive: true });
  copyFileSync(join(whole, "sweep.json"), join(copy, "sweep.json"));
  const { runs } = JSON.parse(readFileSync(join(whole, "sweep.json"), "utf8")) as {
    runs: { name: string }[];
  };
  return { whole, dir, runs: runs.map(({ name }) => name) };
}

function expectSameBytes(dir: string, whole: string, runs: readonly string[]): void {
  for (const run of runs) {
    expect(existsSync(join(dir, "runs", "s", run, "DONE")), run).toBe(true);
    for (const name of COMPARED) {
      const [a, b] = [join(dir, "runs", "s", run, name), join(whole, run, name)];
      expect(readFileSync(a).equals(readFileSync(b)), `${run}/${name}`).toBe(true);
    }
  }
}

const attempts = (dir: string, run: string): readonly AttemptRecord[] =>
  readAttempts(join(dir, "runs", "s", run));

/** The lease of the run once its holder has saved a checkpoint. */
async function training(dir: string, run: string, attempt = 1): Promise<LeaseView> {
  const at = join(dir, "runs", "s", run);
  const saved = () => existsSync(join(at, "ckpt")) && readdirSync(join(at, "ckpt")).length > 0;
  await expect
    .poll(() => saved() && readLease(at)?.attempt === attempt && readLease(at)?.held, {
      timeout: 100_000,
      interval: 10,
    })
    .toBe(true);
  return readLease(at)!;
}

test.each([2, 8])(
  "%i workers that start at once train each run once",
  async (count) => {
    const seeds = { grid: { "train.seed": [1, 2, 3, 4, 5] } };
    const { whole, dir, runs } = await sweepAndCopy(tiny({ engine: "reference", sweep: seeds }));
    const ends = await Promise.all(Array.from({ length: count }, () => worker(dir).ended));
    for (const { code, stdout, stderr } of ends) expect(code, stdout + stderr).toBe(0);
    expectSameBytes(dir, whole, runs);
    for (const run of runs)
      expect(
        attempts(dir, run).map(({ how }) => how),
        run,
      ).toEqual(["done"]);
    expect(readFileSync(join(dir, "runs", "s", "results.csv"))).toEqual(
      readFileSync(join(whole, "results.csv")),
    );
  },
  120_000,
);

test("a worker and its run are killed: another worker goes on with it at once", async () => {
  const { whole, dir, runs } = await sweepAndCopy(tiny(LONG));
  const first = worker(dir);
  const { pid } = await training(dir, runs[0]!);
  const second = worker(dir);
  first.child.kill("SIGKILL");
  process.kill(pid, "SIGKILL");
  const { code, stderr } = await second.ended;
  expect(code, stderr).toBe(0);
  expectSameBytes(dir, whole, runs);
  expect(attempts(dir, runs[0]!).map(({ how }) => how)).toEqual(["vanished", "done"]);
}, 240_000);

test("only the worker is killed: its run saves and stops, and another goes on", async () => {
  const { whole, dir, runs } = await sweepAndCopy(tiny(LONG));
  const first = worker(dir);
  await training(dir, runs[0]!);
  first.child.kill("SIGKILL");
  expect((await worker(dir).ended).code).toBe(0);
  expectSameBytes(dir, whole, runs);
  expect(attempts(dir, runs[0]!).map(({ how }) => how)).toEqual(["interrupted", "done"]);
}, 240_000);

test("a run that crashes costs its attempt: it is tried again, and the record says why", async () => {
  const { whole, dir, runs } = await sweepAndCopy(tiny(LONG));
  const { ended } = worker(dir);
  process.kill((await training(dir, runs[0]!)).pid, "SIGSEGV");
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("crashed with signal SIGSEGV");
  expectSameBytes(dir, whole, runs);
  const [crashed, done] = attempts(dir, runs[0]!);
  expect(crashed).toMatchObject({ attempt: 1, how: "SIGSEGV", cause: "crash", from_step: 0 });
  expect(done).toMatchObject({ attempt: 2, how: "done", to_step: 200 });
  expect(done!.from_step).toBeGreaterThan(0);
}, 240_000);

test("a run put to sleep is taken over; when it wakes it changes nothing", async () => {
  const { whole, dir, runs } = await sweepAndCopy(tiny(LONG));
  const first = worker(dir);
  const { pid } = await training(dir, runs[0]!);
  process.kill(pid, "SIGSTOP");
  const second = worker(dir);
  await training(dir, runs[0]!, 2);
  process.kill(pid, "SIGCONT");
  const ends = await Promise.all([first.ended, second.ended]);
  for (const { code, stderr } of ends) expect(code, stderr).toBe(0);
  expectSameBytes(dir, whole, runs);
  expect(attempts(dir, runs[0]!).map(({ how }) => how)).toEqual(["vanished", "done"]);
}, 240_000);

test("a worker that does not wait leaves what another trains; an unknown run or folder is an error", async () => {
  const { dir, runs } = await sweepAndCopy(tiny(LONG));
  const first = worker(dir);
  await training(dir, runs[0]!);
  const second = await worker(dir, "--no-wait").ended;
  expect(second.code).toBe(75);
  expect(second.stderr).toContain("0 finished, 0 failed, 1 left");
  first.child.kill("SIGTERM");
  expect((await first.ended).code).toBe(75);

  const typo = await hnorm(dir, "worker", "--sweep", "runs/s", "--run", `${runs[0]}x`);
  expect(typo).toMatchObject({ code: 2, stderr: expect.stringContaining(`did you mean ${runs[0]}?`) });
  const nowhere = await hnorm(dir, "worker", "--sweep", "nowhere");
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining("no sweep here") });
}, 240_000);

test("a sweep whose config has changed trains what is new, and keeps what it trained before", async () => {
  const dir = folder();
  const seeds = (...list: number[]) => file(dir, "s.yaml", tiny({ sweep: { grid: { "train.seed": list } } }));
  expect((await hnorm(dir, "sweep", seeds(1, 2))).code).toBe(0);
  const { code, stderr } = await hnorm(dir, "sweep", seeds(2, 3));
  expect(code).toBe(0);
  expect(stderr).toContain("2 runs, 1 already finished");
  expect(stderr).toContain("1 run of an earlier s stays in the sweep");
  const folders = readdirSync(join(dir, "runs", "s")).filter((name) => name.startsWith("seed"));
  expect(folders).toHaveLength(3);
  expect(
    readFileSync(join(dir, "runs", "s", "results.csv"), "utf8")
      .trimEnd()
      .split("\n"),
  ).toHaveLength(4);
});
