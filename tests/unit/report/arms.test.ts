/** Which runs are one arm, what arms are called, and how a user may name one. */
import { expect, test } from "vitest";
import { armNamed } from "../../../src/report/ranking/arm-named.ts";
import { armsOf, seedOf } from "../../../src/report/ranking/arms.ts";
import { resultRows } from "../../../src/report/ranking/ranking.ts";
import { ranOf, seedsOf } from "./sweep-of.ts";

const labels = (...factors: readonly Readonly<Record<string, unknown>>[]) =>
  armsOf(
    factors.map((of) => ranOf(of, 3)),
    "quick",
  ).map(({ label }) => label);

test("runs that differ in their seed alone are one arm, in the order of the sweep", () => {
  const mixed = ["pre", { name: "mix-ln", alpha: 0.25 }].map((norm) => seedsOf({ norm }, [3, 2, 1]));
  const [pre, mix] = mixed as [ReturnType<typeof seedsOf>, ReturnType<typeof seedsOf>];
  const arms = armsOf([mix[2]!, ...pre, mix[0]!, mix[1]!], "quick");
  expect(arms.map(({ label }) => label)).toEqual(["mix-ln alpha 0.25", "pre"]);
  expect(arms.map(({ runs }) => runs.map(seedOf))).toEqual([
    [3, 1, 2],
    [1, 2, 3],
  ]);
  expect(arms[0]!.factors).toEqual({ norm: { name: "mix-ln", alpha: 0.25 } });
});

test("without a swept seed each run is an arm, and one without factors has the sweep's name", () => {
  expect(labels({ norm: "pre" }, { norm: "post" })).toEqual(["pre", "post"]);
  expect(labels({})).toEqual(["quick"]);
  expect(armsOf(seedsOf({}, [1, 2]), "quick")).toMatchObject([{ label: "quick", runs: [{}, {}] }]);
  expect(seedOf(ranOf({ norm: "pre" }, 1))).toBeUndefined();
});

test.each<[label: string, factors: Readonly<Record<string, unknown>>]>([
  ["mix-ln alpha 0.25, lr 0.001", { norm: { name: "mix-ln", alpha: 0.25 }, "train.lr": 0.001 }],
  ["llama-71m n_layers 4", { model: { preset: "llama-71m", n_layers: 4 } }],
  ["grad_clip none, tie_embeddings true", { "train.grad_clip": null, "model.tie_embeddings": true }],
  ['no_decay ["norm"]', { "train.no_decay": ["norm"] }],
  ["train lr 1", { train: { lr: 1 } }],
  ["optimizer.eps 1, rms.eps 2", { "train.optimizer.eps": 1, "model.rms.eps": 2 }],
])("%s", (label, factors) => {
  expect(labels(factors)).toEqual([label]);
});

test("arms that would be called the same are called by all they are", () => {
  const two = labels({ data: "a b", norm: "c" }, { data: { name: "a", b: 1 }, norm: "c" });
  expect(two).toEqual(["a b, c", "a b 1, c"]);
  const alike = labels({ norm: "a, b", init: "c" }, { norm: "a", init: "b, c" });
  expect(alike).toEqual(['norm="a, b", init="c"', 'norm="a", init="b, c"']);
});

test("an arm by its label or by how it alone begins; otherwise what there is", () => {
  const arms = ["pre", "pre-x", "hybrid", "hybrid-star"].map((label) => ({ label }));
  expect(armNamed(arms, "pre").label).toBe("pre");
  expect(armNamed(arms, "hybrid-").label).toBe("hybrid-star");
  expect(() => armNamed(arms, "hy")).toThrow(/"hy" begins 2 arms; .*: hybrid \| hybrid-star$/);
  expect(() => armNamed(arms, "hibrid")).toThrow(/got "hibrid"; .*: pre \| .*; did you mean "hybrid"\?$/);
  const many = Array.from({ length: 20 }, (_, i) => ({ label: `arm ${i}` }));
  expect(() => armNamed(many, "z")).toThrow(/\| arm 11 \| 8 more$/);
});

test("rows of results.csv name their arm, and a norm in plain words", () => {
  const norm = { name: "mix-ln", alpha: 0.25 };
  const rows = resultRows(
    [ranOf({ norm, "train.seed": 1 }, 2), ranOf({ norm: "pre", "train.seed": 1 }, 3)],
    undefined,
    "s",
  );
  expect(rows.map(({ arm, norm: cell }) => [arm, cell])).toEqual([
    ["mix-ln alpha 0.25", "mix-ln alpha 0.25"],
    ["pre", "pre"],
  ]);
  expect(resultRows([ranOf({ "train.seed": 1 }, 2)], undefined, "s")[0]!.arm).toBe("s");
});
