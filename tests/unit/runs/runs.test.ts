import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  type AttemptRecord,
  attemptsBeforeLeases,
  moveAside,
  readAttempts,
  recordAttempt,
  recordVanished,
} from "../../../src/runs/attempts.ts";
import { acquireLease } from "../../../src/runs/lease-holder.ts";
import { runFiles, sweepFiles } from "../../../src/runs/paths.ts";
import { isFinished, type RunStatus, readStatus, stateLabel, writeStatus } from "../../../src/runs/status.ts";
import { openTables } from "../../../src/runs/tables.ts";

const root = mkdtempSync(join(tmpdir(), "hnorm-runs-"));
afterAll(() => rmSync(root, { recursive: true }));
let dir = "";
let count = 0;
beforeEach(() => {
  dir = join(root, `${count++}`, "run");
});

/** Every file under a folder, with its text. */
const tree = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(folder, path), readFileSync(path, "utf8")]),
  );

const status: RunStatus = {
  state: "running",
  attempt: 1,
  run: "norm=pre,seed=1-0a1b2c3d",
  id: "0a1b2c3d",
  pid: 1,
  host: "here",
  started: "2026-01-01T00:00:00.000Z",
};

test("the layout of a run and of a sweep is fixed: resuming and reports rest on it", () => {
  const names = Object.values(runFiles("runs/s/r")).map((path) => relative("runs/s/r", path));
  expect(names).toEqual([
    "",
    "config.resolved.json",
    "provenance.json",
    "status.json",
    "metrics.csv",
    "eval.csv",
    "timing.csv",
    "log.jsonl",
    "weights.safetensors",
    "ckpt",
    "lease",
    "attempts.jsonl",
    "logs",
    "DONE",
  ]);
  const sweep = sweepFiles("runs/s");
  expect(
    [sweep.sweep, sweep.results, sweep.log, sweep.run("a")].map((path) => relative("runs/s", path)),
  ).toEqual(["sweep.json", "results.csv", "sweep.log.jsonl", "a"]);
});

describe("attempts", () => {
  const held = async () => (await acquireLease(dir, { past: attemptsBeforeLeases(dir) }))!;
  const line = (attempt: number, changes: Partial<AttemptRecord> = {}): AttemptRecord => ({
    ...{
      attempt,
      host: "here",
      pid: 1,
      started: "a",
      ended: "b",
      from_step: 0,
      to_step: 9,
      how: "interrupted",
    },
    ...changes,
  });

  test("each moves what those before left aside, and loses none of it", async () => {
    for (const attempt of [1, 2, 3]) {
      const lease = await held();
      expect(lease.attempt).toBe(attempt);
      moveAside(dir, lease);
      writeFileSync(join(dir, "metrics.csv"), `of attempt ${attempt}`);
      if (attempt === 2) mkdirSync(join(dir, "checkpoint"));
      if (attempt === 2) writeFileSync(join(dir, "checkpoint", "w"), "weights");
      recordAttempt(dir, line(attempt));
      lease.release();
    }
    const lease = await held();
    moveAside(dir, lease);
    lease.release();
    expect(readdirSync(dir).toSorted()).toEqual([
      ...["attempt-1", "attempt-2", "attempt-3", "attempts.jsonl", "lease"],
    ]);
    const aside = Object.entries(tree(dir)).filter(([path]) => path.startsWith("attempt-"));
    expect(Object.fromEntries(aside)).toEqual({
      [join("attempt-1", "metrics.csv")]: "of attempt 1",
      [join("attempt-2", "metrics.csv")]: "of attempt 2",
      [join("attempt-2", "checkpoint", "w")]: "weights",
      [join("attempt-3", "metrics.csv")]: "of attempt 3",
    });
  });

  test("go on counting where a version without leases had come to", async () => {
    mkdirSync(join(dir, "attempt-1"), { recursive: true });
    await writeStatus(dir, { ...status, attempt: 2 });
    const lease = await held();
    expect(lease.attempt).toBe(3);
    moveAside(dir, lease);
    lease.release();
    expect(readdirSync(dir).toSorted()).toEqual(["attempt-1", "attempt-2", "lease"]);
  });

  test("leave one line each, also those that nobody was left to write for", async () => {
    expect(readAttempts(dir)).toEqual([]);
    for (const _ of [1, 2]) (await held()).release();
    recordAttempt(dir, line(1));
    recordAttempt(dir, line(1, { how: "again" }));
    appendFileSync(runFiles(dir).attempts, '{"attempt":2,"ho'); // the disk was full
    const lease = await held();
    recordVanished(dir, lease.owner);
    recordVanished(dir, lease.owner);
    lease.release();
    expect(readAttempts(dir)).toMatchObject([line(1), { attempt: 2, how: "vanished", cause: "vanished" }]);
    expect(readAttempts(dir)).toHaveLength(2);
  });
});

describe("status", () => {
  test("is read back as it was written, the last one whole", async () => {
    await writeStatus(dir, status);
    const ended: RunStatus = {
      ...status,
      state: "diverged",
      step: 7,
      val_loss: 3.5,
      message: "the loss is NaN",
    };
    await writeStatus(dir, ended);
    expect(readStatus(dir)).toEqual(ended);
    expect(readdirSync(dir)).toEqual(["status.json"]);
  });

  test("is absent where there is none, and where what is there is cut short", () => {
    expect(readStatus(dir)).toBeUndefined();
    mkdirSync(dir, { recursive: true });
    writeFileSync(runFiles(dir).status, JSON.stringify(status).slice(0, 40));
    expect(readStatus(dir)).toBeUndefined();
  });

  test.each(["null", "{}", "[]", "7", '{"state": 7}'])("is absent where %s stands there", (text) => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(runFiles(dir).status, text);
    expect(readStatus(dir)).toBeUndefined();
  });

  test("has no field that holds something else than it should", () => {
    mkdirSync(dir, { recursive: true });
    const odd = { ...status, val_ppl: "x", step: {}, message: 5, val_loss: null };
    writeFileSync(runFiles(dir).status, JSON.stringify(odd));
    expect(readStatus(dir)).toEqual({ ...status, val_loss: Number.NaN });
  });

  test("a run is finished when DONE is there, and by nothing else", async () => {
    await writeStatus(dir, { ...status, state: "done" });
    expect(isFinished(dir)).toBe(false);
    writeFileSync(runFiles(dir).done, "done\n");
    expect(isFinished(dir)).toBe(true);
  });

  test("a divergence says where it was", () => {
    expect(stateLabel({ state: "diverged", step: 7 })).toBe("diverged@7");
    expect(stateLabel({ state: "done", step: 7 })).toBe("done");
    expect(stateLabel({ state: "interrupted" })).toBe("interrupted");
  });
});

test("the tables: their columns, and rows on disk as they come", () => {
  mkdirSync(dir, { recursive: true });
  const tables = openTables(dir, { probes: { "own.csv": { layer: "the block", rms: "of it" } } });
  tables.metrics.append({
    step: 1,
    tokens: 64,
    lr: 3e-4,
    train_loss: 1.5,
    train_ppl: Math.exp(1.5),
    grad_norm: Number.NaN,
  });
  tables.probes.get("own.csv")!.append({ step: 1, rms: 0.5 }, { step: 1, layer: 0, rms: 1 });
  expect(tree(dir)).toEqual({
    "metrics.csv":
      "step,tokens,lr,train_loss,train_ppl,grad_norm,clip_coef\n1,64,0.0003,1.5,4.48168907,nan,\n",
    "eval.csv": "step,protocol,split,loss,ppl,bits_per_byte,n_tokens,n_bytes\n",
    "timing.csv": "step,wall_s,step_s,tokens_per_s,rss_mib\n",
    "own.csv": "step,layer,rms\n1,,0.5\n1,0,1\n",
  });
  expect(tables.sync()).toMatchObject({ "own.csv": { bytes: 28 }, "timing.csv": { bytes: 40 } }); // a checkpoint remembers them all
  tables.close();
});

describe("numbers of a status that are not finite", () => {
  const text = (fields: object) => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(runFiles(dir).status, JSON.stringify({ ...status, ...fields }));
    return readStatus(dir);
  };

  test("are read as they were written", async () => {
    mkdirSync(dir, { recursive: true });
    const written: RunStatus = {
      ...status,
      state: "diverged",
      val_loss: Number.NaN,
      max_grad_norm: Infinity,
    };
    await writeStatus(dir, written);
    expect(readStatus(dir)).toEqual(written);
  });

  test("are NaN where a former version wrote null, and its run is not done", () => {
    expect(text({ state: "done", val_loss: null, val_ppl: null })).toMatchObject({
      state: "diverged",
      val_loss: Number.NaN,
      message: "the loss on validation is NaN",
    });
    expect(text({ state: "done", val_loss: 2, train_loss: null })).toMatchObject({
      state: "done",
      train_loss: Number.NaN,
    });
  });

  test("are none where the file holds something else", () => {
    expect(text({ state: "done", val_loss: "low", steps: [3], host: 7 })).not.toHaveProperty("val_loss");
  });
});
