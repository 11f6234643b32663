/** An arm at its best learning rate: the same in results, report and verify, and never a rate that lacks a seed. */
import { expect, test } from "vitest";
import { rankingText } from "../../../src/cli/tables/arms-table.ts";
import type { Claim } from "../../../src/config/expect.ts";
import { verdicts } from "../../../src/report/expectations/verdicts.ts";
import { armsOf } from "../../../src/report/ranking/arms.ts";
import { VALIDATION_LOSS } from "../../../src/report/ranking/rank-by.ts";
import type { RankedRun } from "../../../src/report/ranking/ranking.ts";
import { tunedArms } from "../../../src/report/ranking/tuned.ts";
import { bindExpectations } from "../../../src/sweep/expected-arms.ts";
import { type End, ranOf } from "./sweep-of.ts";

type Ends = Readonly<Record<string, Readonly<Record<number, readonly End[]>>>>;

const made = (arms: Ends): readonly RankedRun[] =>
  Object.entries(arms).flatMap(([norm, rates]) =>
    Object.entries(rates).flatMap(([lr, ends]) =>
      ends.map((end, i) => ranOf({ norm, "train.lr": Number(lr), "train.seed": i + 1 }, end)),
    ),
  );

/** At 0.1 every arm has something lower than at its best rate, and not every seed of it. */
const arms: Ends = {
  pre: { 0.001: [3, 3.1], 0.01: [2.5, 2.6], 0.1: [1] },
  post: { 0.001: [2.9, 3], 0.01: [3.5, 3.6], 0.1: [1, "diverged"] },
};

test("a rate with fewer seeds, or with one that diverged or is open, is never the best", () => {
  const best = (ends: Ends) => tunedArms(made(ends), "s", VALIDATION_LOSS).map((arm) => arm.best?.rate);
  expect(best(arms)).toEqual([0.01, 0.001]);
  expect(best({ ...arms, open: { 0.01: [1, undefined] } })).toEqual([0.01, 0.001, undefined]);
});

test("results show each arm at its best rate", () => {
  const { text } = rankingText(made(arms), "s");
  expect(text).toMatch(
    /each arm at its own best learning rate:\n# .*\n1 +pre, lr 0\.01 .* best\n2 +post, lr 0\.001 /,
  );
});

const expecting = (claim: Claim, pattern: Readonly<Record<string, unknown>>) => {
  const points = (ends: Ends) =>
    made(ends).map(({ name, factors }) => ({ name, factors, config: configOf(factors) }));
  const { bound, issues } = bindExpectations([{ at: 0, arm: pattern, claim }], points(arms), points(arms));
  expect(issues).toEqual([]);
  return (ends: Ends) => verdicts(bound, armsOf(made(ends), "s"))[0]!;
};
const configOf = (factors: Readonly<Record<string, unknown>>) =>
  ({
    norm: { name: factors.norm },
    train: { lr: factors["train.lr"], seed: factors["train.seed"] },
  }) as object;

test("verify judges an arm at its best rate", () => {
  const number = expecting(
    { kind: "number", metric: "val_loss", low: 2.5, high: 2.6 },
    { norm: "pre", "train.lr": "best" },
  );
  expect(number(arms)).toMatchObject({ verdict: "met", n: 2, arm: "pre, lr 0.01 (best)" });
  const better = expecting(
    { kind: "order", than: { norm: "pre", "train.lr": "best" }, by: 0 },
    { norm: "post", "train.lr": "best" },
  );
  expect(better(arms)).toMatchObject({ verdict: "missed", value: expect.closeTo(-0.4, 9) });
  const open: Ends = { ...arms, pre: { ...arms.pre, 0.01: [2.5, "running"] } };
  expect(number(open).verdict).toBe("not finished");
});

test("best of rates that are not swept is a mistake", () => {
  const points = [{ name: "a", factors: { norm: "pre" }, config: configOf({ norm: "pre" }) }];
  const claim: Claim = { kind: "outcome", diverges: false };
  const { issues } = bindExpectations([{ at: 0, arm: { "train.lr": "best" }, claim }], points, points);
  expect(issues).toMatchObject([{ path: ["expect", 0, "arm", "train.lr"] }]);
});
