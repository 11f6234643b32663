/** Checkpoints on disk: whole or not at all, the newest that fits, as many as asked for; tables cut back to them. */
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type CheckpointFacts,
  latestCheckpoint,
  removeCheckpoints,
  saveCheckpoint,
} from "../../../src/runs/checkpoints.ts";
import { acquireLease, type Lease } from "../../../src/runs/lease-holder.ts";
import { cannotRewind, lengthsAt, rewindTables } from "../../../src/runs/rewind.ts";

let dir = "";
let lease: Lease;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "hnorm-checkpoints-"));
  lease = (await acquireLease(dir))!;
});
afterEach(() => {
  lease.release();
  rmSync(dir, { recursive: true });
});

const facts = (step: number, run_id = "a"): CheckpointFacts => ({
  schema: 1,
  run_id,
  engine: "cpu",
  data_fingerprint: "d",
  step,
  tables: {},
  loop: { above: 0 },
});
const state = new Map([["w", { shape: [2], values: Float32Array.of(0.1, Number.NaN) }]]);
const save = (step: number, keep = 9) => saveCheckpoint(dir, { facts: facts(step), state }, keep, lease);
const skipped: string[] = [];
const latest = (unfit: (f: CheckpointFacts) => string | undefined = () => undefined) => {
  skipped.length = 0;
  return latestCheckpoint(dir, unfit, (line) => skipped.push(line));
};

test("there is none before the first; then the newest is read back, to the bit", async () => {
  expect(await latest()).toBeUndefined();
  await save(9);
  await save(10);
  const found = await latest();
  expect(found?.facts).toMatchObject(facts(10));
  expect(found?.state.get("w")).toEqual({ shape: [2], values: Float32Array.of(0.1, Number.NaN) });
  expect(skipped).toEqual([]);
});

test("as many as asked for are kept, the newest", async () => {
  for (const step of [1, 2, 3, 1000000]) await save(step, 2);
  expect(readdirSync(join(dir, "ckpt")).toSorted()).toEqual(["step-000003", "step-1000000"]);
  await removeCheckpoints(dir);
  expect(readdirSync(dir)).toEqual(["lease"]);
});

test.each([
  ["has lost its marker", (folder: string) => rmSync(join(folder, "COMPLETE")), "incomplete"],
  [
    "is cut short",
    (folder: string) => truncateSync(join(folder, "state.safetensors"), 90),
    "do not match their checksum",
  ],
  [
    "has one other byte",
    (folder: string) => flip(join(folder, "state.safetensors")),
    "do not match their checksum",
  ],
  ["has no facts", (folder: string) => rmSync(join(folder, "checkpoint.json")), "ENOENT"],
  ["has half its facts", (folder: string) => truncateSync(join(folder, "checkpoint.json"), 20), "JSON"],
])("one that %s is skipped for the one before it, with a line", async (_, harm, why) => {
  await save(1);
  await save(2);
  harm(join(dir, "ckpt", "step-000002"));
  expect((await latest())?.facts.step).toBe(1);
  expect(skipped).toHaveLength(1);
  expect(skipped[0]).toMatch(/step-000002: skipped: /);
  expect(skipped[0]).toContain(why);
});

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
}

test("one that does not belong is skipped for the reason given", async () => {
  await save(3);
  expect(await latest(({ run_id }) => (run_id === "b" ? undefined : "another run's"))).toBeUndefined();
  expect(skipped[0]).toMatch(/skipped: another run's$/);
});

test("rows past a checkpoint move aside, once, and the table goes on where it was", async () => {
  const [table, aside] = [join(dir, "m.csv"), join(dir, "m.rewound.csv")];
  writeFileSync(table, "step,x\n1,a\n");
  const lengths = { "m.csv": readFileSync(table).length };
  expect(cannotRewind(dir, lengths)).toBeUndefined();
  await rewindTables(dir, lengths, lease);
  expect(readdirSync(dir)).toEqual(["lease", "m.csv"]); // nothing to move

  const late = openSync(table, "a"); // of a process that lost the lease and does not know yet
  appendFileSync(table, "2,b\n3,c\n");
  const before = readFileSync(table);
  await rewindTables(dir, lengths, lease);
  expect(readFileSync(table, "utf8")).toBe("step,x\n1,a\n");
  expect(readFileSync(aside, "utf8")).toBe("step,x\n2,b\n3,c\n");

  // Killed after the rows were copied, before they were cut: they are not copied again.
  writeFileSync(table, before);
  await rewindTables(dir, lengths, lease);
  expect(readFileSync(aside, "utf8")).toBe("step,x\n2,b\n3,c\n");

  writeSync(late, "4,late\n");
  closeSync(late);
  appendFileSync(table, "2,d\n");
  await rewindTables(dir, lengths, lease);
  expect(readFileSync(table, "utf8")).toBe("step,x\n1,a\n");
  expect(readFileSync(aside, "utf8")).toBe("step,x\n2,b\n3,c\n2,d\n");
});

test("of a table that the checkpoint knows nothing of, rows up to its step count, and those that are whole", () => {
  writeFileSync(join(dir, "a.csv"), "step,x\n1,a\n5,b\n10,c\n");
  writeFileSync(join(dir, "cut.csv"), "step,x\n1,a\n5,");
  writeFileSync(join(dir, "torn.csv"), "ste");
  const tables = ["a.csv", "cut.csv", "torn.csv", "none.csv"];
  expect(lengthsAt(dir, tables, 5)).toEqual({ "a.csv": 15, "cut.csv": 11, "torn.csv": 0 });
  expect(lengthsAt(dir, ["a.csv"], 100)).toEqual({ "a.csv": 20 });
  expect(lengthsAt(dir, ["a.csv"], 0)).toEqual({ "a.csv": 7 });
});

test("a table shorter than the checkpoint knew it cannot go on from there", () => {
  writeFileSync(join(dir, "m.csv"), "step\n");
  expect(cannotRewind(dir, { "m.csv": 9 })).toBe("m.csv has 5 bytes, fewer than the 9 at the checkpoint");
  writeFileSync(join(dir, "cut.csv"), "step,x\n1,aa\n");
  expect(cannotRewind(dir, { "cut.csv": 9 })).toBe(
    "cut.csv has no row that ends where its last one did at the checkpoint",
  );
  expect(cannotRewind(dir, { "gone.csv": 1 })).toContain("gone.csv has -1 bytes");
});
