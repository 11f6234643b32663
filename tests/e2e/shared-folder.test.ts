/** One sweep of several users, and a run's folder that goes while it trains. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { BIN, file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const LONG = { train: { steps: 300, batch_size: 4, lr: 0.01 }, checkpoint: { every: 10, keep: 2 } };
const runsIn = (dir: string) => {
  const sweep = join(dir, "runs", "s");
  return (existsSync(sweep) ? readdirSync(sweep, { withFileTypes: true }) : [])
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(sweep, name));
};

const GROUP = 54321;
/** Runs hnorm as another user of the group, with a cache of its own. */
function as(uid: number, dir: string, ...args: readonly string[]) {
  const cache = join(dir, `cache-${uid}`);
  mkdirSync(cache, { recursive: true });
  chownSync(cache, uid, GROUP);
  const env = {
    ...process.env,
    HNORM_CACHE_DIR: cache,
    HOME: cache,
    TMPDIR: cache,
    HNORM_RETRY_SECONDS: "0.1",
  };
  return spawn(process.execPath, [BIN, ...args], { cwd: dir, env, uid, gid: GROUP });
}
/** Opens the way to the folder for other users. */
function open(dir: string, runs: number): void {
  for (let at = dir; at !== "/tmp" && at !== "/"; at = dirname(at)) chmodSync(at, statSync(at).mode | 0o055);
  mkdirSync(join(dir, "runs"));
  chownSync(join(dir, "runs"), 2001, GROUP);
  chmodSync(join(dir, "runs"), runs);
}
const canBeOthers = process.getuid?.() === 0;

test.skipIf(!canBeOthers)(
  "two users in a runs folder of their group: one goes on with what the other began",
  async () => {
    const dir = folder();
    open(dir, 0o2775);
    file(dir, "s.yaml", tiny({ ...LONG, train: { ...LONG.train, steps: 100000 } }));
    const first = as(2001, dir, "sweep", "s.yaml");
    const ended = finish(first);
    await expect
      .poll(() => runsIn(dir).some((run) => existsSync(join(run, "ckpt"))), { timeout: 60_000 })
      .toBe(true);
    first.kill("SIGTERM");
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(75);
    const second = as(2002, dir, "worker", "--sweep", "runs/s");
    const over = finish(second);
    await expect
      .poll(() => readFileSync(join(runsIn(dir)[0]!, "status.json"), "utf8"), { timeout: 60_000 })
      .toMatch(/"attempt": 2/);
    second.kill("SIGTERM");
    const worker = await over;
    expect(worker.stderr).toMatch(/resuming from step \d+/);
    expect(worker.code, worker.stderr).toBe(75);
  },
  120_000,
);

test.skipIf(!canBeOthers)(
  "another user's runs folder: told whose it is, and what would help",
  async () => {
    const dir = folder();
    open(dir, 0o755);
    file(dir, "s.yaml", tiny());
    const { code, stderr } = await finish(as(2001, dir, "sweep", "s.yaml", "train.steps=2"));
    expect(code, stderr).toBe(0);
    const runs = runsIn(dir);
    for (const run of runs) rmSync(join(run, "DONE"));
    // A sweep's folder that the other may write to, with runs in it that it may not.
    chmodSync(join(dir, "runs", "s"), 0o2775);
    chmodSync(join(dir, "runs", "s", "sweep.log.jsonl"), 0o666);
    const other = await finish(as(2002, dir, "worker", "--sweep", "runs/s"));
    expect(other.code).toBe(3);
    expect(other.stderr).toMatch(/permission denied \(EACCES\); \S+ belongs to user 2001: to share a sweep/);
  },
  120_000,
);

test.each<readonly [string, (run: string) => void]>([
  ["moved away", (run) => renameSync(run, join(run, "../../..", "away"))],
  ["removed", (run) => rmSync(run, { recursive: true, force: true, maxRetries: 20, retryDelay: 1 })],
])(
  "a run's folder that is %s while it trains: the run is begun anew, to the same bytes",
  async (_, take) => {
    const whole = folder();
    expect((await hnorm(whole, "sweep", file(whole, "s.yaml", tiny(LONG)))).code).toBe(0);
    const dir = folder();
    const child = start(dir, ["sweep", file(dir, "s.yaml", tiny(LONG))], {
      HNORM_LEASE_SECONDS: "2",
      HNORM_RETRY_SECONDS: "0.1",
    });
    const ended = finish(child);
    await expect
      .poll(() => runsIn(dir).some((run) => existsSync(join(run, "ckpt"))), { timeout: 60_000, interval: 2 })
      .toBe(true);
    const [run] = runsIn(dir);
    take(run!);
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    for (const name of ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"])
      expect(readFileSync(join(run!, name)).equals(readFileSync(join(runsIn(whole)[0]!, name))), name).toBe(
        true,
      );
  },
  120_000,
);

test("log.jsonl as a link into another's file: the run fails with a line, and nothing is written there", async () => {
  const dir = folder();
  const config = file(dir, "s.yaml", tiny());
  expect((await hnorm(dir, "sweep", config)).code).toBe(0);
  const [run] = runsIn(dir);
  for (const name of ["DONE", "log.jsonl"]) rmSync(join(run!, name));
  writeFileSync(join(dir, "theirs"), "theirs\n");
  symlinkSync(join(dir, "theirs"), join(run!, "log.jsonl"));
  symlinkSync(join(dir, "theirs"), join(run!, "status.json.tmp"));
  const { code, stderr } = await hnorm(dir, "sweep", config);
  expect(readFileSync(join(dir, "theirs"), "utf8")).toBe("theirs\n");
  expect(stderr + code).not.toMatch(/\n {4}at /);
});
