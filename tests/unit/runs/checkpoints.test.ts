/** Checkpoints on disk: whole or not at all, the newest that fits, as many as asked for; tables cut back to them. */
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sha256 } from "../../../src/lib/hash.ts";
import type { CheckpointFacts } from "../../../src/runs/checkpoint-facts.ts";
import { latestCheckpoint, removeCheckpoints, saveCheckpoint } from "../../../src/runs/checkpoints.ts";
import { acquireLease, type Lease } from "../../../src/runs/lease-holder.ts";
import { cannotRewind, prefixesAt, rewindTables } from "../../../src/runs/rewind.ts";

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
  schema: 2,
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
  [
    "has half its facts",
    (folder: string) => truncateSync(join(folder, "checkpoint.json"), 20),
    "checkpoint.json does not match its checksum",
  ],
  [
    "says another step",
    (folder: string) => edit(join(folder, "checkpoint.json"), '"step": 2', '"step": 1'),
    "checkpoint.json does not match its checksum",
  ],
  [
    "has lost what its marker says",
    (folder: string) => writeFileSync(join(folder, "COMPLETE"), ""),
    "COMPLETE has no checksum",
  ],
])("one that %s is skipped for the one before it, with a line", async (_, harm, why) => {
  await save(1);
  await save(2);
  harm(join(dir, "ckpt", "step-000002"));
  expect((await latest())?.facts.step).toBe(1);
  expect(skipped).toHaveLength(1);
  expect(skipped[0]).toMatch(/step-000002: skipped: /);
  expect(skipped[0]).toContain(why);
});

test("a byte that flips anywhere in a checkpoint makes it none", async () => {
  await save(1);
  await save(2);
  const folder = join(dir, "ckpt", "step-000002");
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const bytes = Uint8Array.from(whole);
      bytes[at]! ^= 1 + (at % 255);
      writeFileSync(path, bytes);
      expect((await latest())?.facts.step, `${name}, byte ${at}`).toBe(1);
    }
    writeFileSync(path, whole);
  }
  expect((await latest())?.facts.step).toBe(2);
}, 60_000);

test("a folder under another step's name is none", async () => {
  await save(1);
  renameSync(join(dir, "ckpt", "step-000001"), join(dir, "ckpt", "step-000007"));
  expect(await latest()).toBeUndefined();
  expect(skipped[0]).toContain("checkpoint.json says step 1, its folder 7");
});

test.each([
  ["as it was written", {}, undefined],
  ["without what the loop keeps", { loop: null }, "checkpoint.json: loop: "],
  ["with a table of another folder", { tables: { "../m.csv": 1 } }, "checkpoint.json: tables.../m.csv: "],
  ["of a later version", { schema: 3 }, "schema 3, expected 2"],
])("one of the former format, %s", async (_, changes, why) => {
  await save(1);
  const folder = join(dir, "ckpt", "step-000001");
  const path = join(folder, "checkpoint.json");
  const former = { ...JSON.parse(readFileSync(path, "utf8")), schema: 1, tables: { "m.csv": 4 }, ...changes };
  writeFileSync(path, JSON.stringify(former));
  writeFileSync(join(folder, "COMPLETE"), "");
  const found = await latest();
  if (why === undefined) expect(found?.facts.tables).toEqual({ "m.csv": { bytes: 4 } });
  else expect(skipped[0]).toContain(why);
});

test("a table that has changed before the checkpoint's end cannot be gone on with", () => {
  const text = "step,x\n1,0.25\n2,0.5\n";
  const prefix = { bytes: 14, sha256: sha256(text.slice(0, 14)) };
  for (let at = 0; at < text.length; at++) {
    const bytes = Buffer.from(text);
    bytes[at]! ^= 1;
    writeFileSync(join(dir, "m.csv"), bytes);
    const why = at < 14 ? "m.csv has changed: its first 14 bytes do not match their checksum" : undefined;
    expect(cannotRewind(dir, { "m.csv": prefix }), `byte ${at}`).toBe(why);
  }
});

const edit = (path: string, from: string, to: string) =>
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to));

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
  const lengths = { "m.csv": { bytes: readFileSync(table).length } };
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
  const lengthsAt = (names: readonly string[], step: number) =>
    Object.values(prefixesAt(dir, names, step)).map(({ bytes }) => bytes);
  expect(lengthsAt(tables, 5)).toEqual([15, 11, 0]);
  expect(lengthsAt(["a.csv"], 100)).toEqual([20]);
  expect(lengthsAt(["a.csv"], 0)).toEqual([7]);
});

test("a table shorter than the checkpoint knew it cannot go on from there", () => {
  writeFileSync(join(dir, "m.csv"), "step\n");
  expect(cannotRewind(dir, { "m.csv": { bytes: 9 } })).toBe(
    "m.csv has 5 bytes, fewer than the 9 at the checkpoint",
  );
  writeFileSync(join(dir, "cut.csv"), "step,x\n1,aa\n");
  expect(cannotRewind(dir, { "cut.csv": { bytes: 9 } })).toBe(
    "cut.csv has no row that ends where its last one did at the checkpoint",
  );
  expect(cannotRewind(dir, { "gone.csv": { bytes: 1 } })).toContain("gone.csv has -1 bytes");
});
