/** Which fields make two runs differ, and which only look as if. */
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  type ComparedRun,
  compareRuns,
  type Difference,
} from "../../../src/report/differences/compare-runs.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { folderOf, GOOD } from "../config/files.ts";

function subject(overrides: readonly string[] = [], provenance?: unknown): ComparedRun {
  const [run] = loadSweep(join(folderOf({ "x.yaml": GOOD }), "x.yaml"), overrides).runs;
  return { ...run!, ...(provenance === undefined ? {} : { provenance }) };
}

/** `train.lr: 0.001 | 0.002`, a default in brackets. */
const lines = (found: readonly Difference[]) =>
  found.map(({ key, a, b }) => {
    const [left, right] = [a, b].map(({ value, isDefault: usual }) => {
      const text = JSON.stringify(value) ?? "-";
      return usual ? `(${text})` : text;
    });
    return `${key}: ${left} | ${right}`;
  });

test("a run is the same as itself", () => {
  const {
    same,
    identityFields: counting,
    otherFields: others,
    provenance,
  } = compareRuns(subject(), subject(["norm={name: pre}"]));
  expect([same, counting, others, provenance]).toEqual([true, [], [], []]);
});

test("fields that count, with what the other has by default or has not at all", () => {
  const found = compareRuns(
    subject(),
    subject(["norm={name: mix-ln, alpha: 0.5}", "train.seed=3", "train.divergence=null", "train.steps=11"]),
  );
  expect(found.same).toBe(false);
  expect(lines(found.identityFields)).toEqual([
    'norm.name: "pre" | "mix-ln"',
    "norm.alpha: (-) | 0.5",
    "train.tokens: 1280 | 1408",
    "train.seed: (1) | 3",
    'train.divergence: ({"above_initial":1,"patience":20}) | null',
  ]);
  expect(found.otherFields).toEqual([]);
});

test("fields of one parameter group, by its number; an optimizer alone has others", () => {
  const groups = (factor: number) => [
    `train.optimizer=[[{roles: [q], lr_factor: ${factor}}, {weight_decay: 0.1}]]`,
  ];
  const found = compareRuns(subject(groups(1)), subject(groups(3)));
  expect(lines(found.identityFields)).toEqual(["train.optimizer.0.lr_factor: (1) | 3"]);
  const alone = compareRuns(subject(["train.optimizer.weight_decay=0.1"]), subject(groups(3)));
  expect(lines(alone.identityFields)).toEqual([
    "train.optimizer.weight_decay: 0.1 | (-)",
    'train.optimizer.0.roles: (-) | ["q"]',
    "train.optimizer.0.lr_factor: (-) | 3",
    "train.optimizer.1.weight_decay: (-) | 0.1",
  ]);
});

test("fields that do not count leave the runs the same", () => {
  const changes = ["train.micro_batch_size=2", "log.every=7", "engine={name: auto, threads: 2}"];
  const found = compareRuns(subject(), subject(changes));
  expect([found.same, found.identityFields]).toEqual([true, []]);
  expect(lines(found.otherFields)).toEqual([
    "train.micro_batch_size: 4 | 2",
    "eval.batch_size: 4 | 2",
    "log.every: 1 | 7",
    "engine.threads: - | 2",
  ]);
});

test("why one id can have different numbers", () => {
  const made = {
    hnorm: "0.1.0",
    node: "v20",
    git: { commit: "abc", dirty: false },
    data: { fingerprint: "f1" },
  };
  const other = { ...made, node: "v24", data: { fingerprint: "f2" }, argv: ["sweep"], memory_bytes: 7 };
  const found = compareRuns(subject([], made), subject([], other));
  expect(found.same).toBe(true);
  expect(lines(found.provenance)).toEqual(['data.fingerprint: "f1" | "f2"', 'node: "v20" | "v24"']);
  expect(compareRuns(subject([], made), subject()).provenance, "one was never started").toEqual([]);
  expect(lines(compareRuns(subject([], made), subject([], "torn")).provenance)).toHaveLength(5);
});
