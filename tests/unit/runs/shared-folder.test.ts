/** A run's folder that others can write to: nothing is written through a link, nothing waits for a FIFO. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeTemporaries } from "../../../src/lib/remove-temporaries.ts";
import { type AttemptRecord, readAttempts, recordAttempt } from "../../../src/runs/attempts.ts";
import { removeCheckpoints } from "../../../src/runs/checkpoints.ts";
import { acquireLease } from "../../../src/runs/lease-holder.ts";
import { runFiles } from "../../../src/runs/paths.ts";
import { readSnapshot } from "../../../src/runs/snapshot.ts";

let root = "";
let dir = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hnorm-shared-"));
  dir = join(root, "run");
  mkdirSync(dir);
});
afterEach(() => rmSync(root, { recursive: true }));
const record: AttemptRecord = { attempt: 1, host: "h", pid: 1, started: "a", ended: "b", how: "done" };

test.each(["lease", "ckpt", "logs"])(
  "%s as a link: no lease is taken, and nothing is written behind it",
  async (name) => {
    const theirs = join(root, "theirs");
    mkdirSync(theirs);
    symlinkSync(theirs, join(dir, name));
    await expect(acquireLease(dir)).rejects.toThrow(`${join(dir, name)}: a symbolic link`);
    expect(readdirSync(theirs)).toEqual([]);
  },
);

test("a checkpoint of another run behind a link is not removed with this run's", async () => {
  const theirs = join(root, "theirs", "step-000010");
  mkdirSync(theirs, { recursive: true });
  writeFileSync(join(theirs, "COMPLETE"), "");
  mkdirSync(join(dir, "ckpt"));
  symlinkSync(theirs, join(dir, "ckpt", "step-000010"));
  await removeCheckpoints(dir);
  expect(existsSync(join(theirs, "COMPLETE"))).toBe(true);
  expect(existsSync(join(dir, "ckpt"))).toBe(false);
});

test("attempts.jsonl as a link or a FIFO takes no line, and has none", () => {
  const theirs = join(root, "theirs");
  writeFileSync(theirs, `${JSON.stringify(record)}\n`);
  const path = runFiles(dir).attempts;
  symlinkSync(theirs, path);
  expect(() => recordAttempt(dir, { ...record, attempt: 2 })).toThrow("a symbolic link");
  expect(readAttempts(dir)).toEqual([]);
  expect(readFileSync(theirs, "utf8").split("\n")).toHaveLength(2);
  rmSync(path);
  execFileSync("mkfifo", [path]);
  expect(() => recordAttempt(dir, record)).toThrow("not a regular file");
  expect(readAttempts(dir)).toEqual([]);
});

test("lines of attempts that are none are passed over", () => {
  recordAttempt(dir, record);
  appendFileSync(runFiles(dir).attempts, 'null\n7\n[]\n{"attempt": "x"}\n{}\n');
  recordAttempt(dir, { ...record, attempt: 2 });
  expect(readAttempts(dir)).toEqual([record, { ...record, attempt: 2 }]);
});

test("whoever looks at a run waits for no FIFO, wherever one lies", () => {
  mkdirSync(join(dir, "lease", "000001", "held"), { recursive: true });
  const { status, metrics, timing } = runFiles(dir);
  const owner = join(dir, "lease", "000001", "owner.json");
  for (const path of [status, metrics, timing, owner]) execFileSync("mkfifo", [path]);
  expect(readSnapshot(dir)).toMatchObject({ status: undefined, metrics: [], timing: [] });
});

test("temporary files of the dead are removed once they are old, and nothing else", async () => {
  const uuid = "0a1b2c3d-0000-4000-8000-000000000000";
  const names = [`results.csv.${uuid}.tmp`, `${uuid}.tmp`, "mine.tmp", `results.csv.${uuid}`];
  const old = new Date(Date.now() - 2 * 3_600_000);
  for (const name of names) writeFileSync(join(dir, name), "");
  removeTemporaries(dir);
  expect(readdirSync(dir).sort()).toEqual([...names].sort());
  for (const name of names) utimesSync(join(dir, name), old, old);
  removeTemporaries(dir);
  expect(readdirSync(dir).sort()).toEqual(["mine.tmp", `results.csv.${uuid}`]);

  mkdirSync(join(dir, "lease", `${uuid}.tmp`, "held"), { recursive: true });
  utimesSync(join(dir, "lease", `${uuid}.tmp`), old, old);
  (await acquireLease(dir))!.release();
  expect(readdirSync(join(dir, "lease"))).toEqual(["000001"]);
});
