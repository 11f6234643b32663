/** Grid times zip times seeds: how many runs, in which order, and which are the same. */
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { loadSweep, type Sweep } from "../../../src/sweep/expand.ts";
import { folderOf, GOOD } from "../config/files.ts";

const sweepOf = (sweep: unknown, ...overrides: readonly string[]): Sweep =>
  loadSweep(join(folderOf({ "x.yaml": GOOD + stringify({ sweep }) }), "x.yaml"), overrides);

test("a file without a sweep is one run", () => {
  const { runs, duplicates, factors } = loadSweep(join(folderOf({ "x.yaml": GOOD }), "x.yaml"), []);
  expect(runs).toHaveLength(1);
  expect(runs[0]!.factors).toEqual({});
  expect(duplicates).toEqual([]);
  expect(factors).toEqual([]);
});

test("grid, then zip, then seeds; the last varies fastest", () => {
  const sweep = sweepOf({
    seeds: 2,
    zip: { "train.lr": [0.1, 0.2], "train.batch_size": [4, 8] },
    grid: { norm: ["pre", { name: "mix-ln", alpha: 0.5 }] },
  });
  expect(sweep.factors).toEqual(["norm", "train.lr", "train.batch_size", "train.seed"]);
  expect(sweep.runs.map(({ factors }) => Object.values(factors))).toEqual([
    ["pre", 0.1, 4, 1],
    ["pre", 0.1, 4, 2],
    ["pre", 0.2, 8, 1],
    ["pre", 0.2, 8, 2],
    [{ name: "mix-ln", alpha: 0.5 }, 0.1, 4, 1],
    [{ name: "mix-ln", alpha: 0.5 }, 0.1, 4, 2],
    [{ name: "mix-ln", alpha: 0.5 }, 0.2, 8, 1],
    [{ name: "mix-ln", alpha: 0.5 }, 0.2, 8, 2],
  ]);
  expect(sweep.runs[7]!.config).toMatchObject({
    norm: { alpha: 0.5 },
    train: { lr: 0.2, batch_size: 8, seed: 2 },
  });
});

test("a parameter goes into the strategy that another axis chose, whichever is written first", () => {
  const { runs } = sweepOf({ grid: { "norm.post_layers": [1, 2], norm: ["mix-ln"] } });
  expect(runs.map(({ config }) => config.norm)).toEqual([
    { name: "mix-ln", post_layers: 1 },
    { name: "mix-ln", post_layers: 2 },
  ]);
});

test("runs that mean the same are trained once, and said", () => {
  const { runs, duplicates } = sweepOf({
    grid: { norm: ["pre", { name: "pre" }, "post"], "log.every": [1, 5] },
  });
  expect(runs.map(({ config }) => config.norm.name)).toEqual(["pre", "post"]);
  expect(duplicates.map(({ factors, sameAs }) => [factors, sameAs])).toEqual([
    [{ norm: "pre", "log.every": 5 }, runs[0]!.name],
    [{ norm: { name: "pre" }, "log.every": 1 }, runs[0]!.name],
    [{ norm: { name: "pre" }, "log.every": 5 }, runs[0]!.name],
    [{ norm: "post", "log.every": 5 }, runs[1]!.name],
  ]);
});

test("as many runs as the product of the axes has different combinations, in the order of nested loops", () => {
  const some = <T>(...values: readonly T[]) =>
    fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
  const pairs = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(0.1, 0.2)), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(
      some("pre", "post", "lns"),
      some(0.1, 0.2, 0.3),
      pairs,
      some(1, 2, 3),
      (norm, lr, zip, seeds) => {
        const sweep = sweepOf({
          grid: { norm, "train.lr": lr },
          zip: { "model.n_layers": zip.map(([n]) => n), "train.schedule.floor": zip.map(([, f]) => f) },
          seeds,
        });
        const all = norm.flatMap((n) =>
          lr.flatMap((rate) =>
            zip.flatMap(([layers, floor]) => seeds.map((seed) => [n, rate, layers, floor, seed])),
          ),
        );
        const distinct = [...new Map(all.map((values) => [JSON.stringify(values), values])).values()];
        expect(sweep.runs.map(({ factors }) => Object.values(factors))).toEqual(distinct);
        expect(sweep.runs.length + sweep.duplicates.length).toBe(all.length);
        expect(new Set(sweep.runs.map(({ id }) => id)).size).toBe(distinct.length);
        expect(new Set(sweep.runs.map(({ name }) => name)).size).toBe(distinct.length);
      },
    ),
    { numRuns: 25 },
  );
});

test("expanding twice gives the same", () => {
  const sweep = { grid: { norm: ["pre", "hybrid"] }, seeds: 3 };
  const [a, b] = [sweepOf(sweep), sweepOf(sweep)];
  expect(a.runs).toEqual(b.runs);
});
