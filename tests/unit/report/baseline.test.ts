/** Runs that know nothing but token frequencies: marked wherever they are shown, and never the best. */
import { expect, test } from "vitest";
import { rankingText } from "../../../src/cli/tables/arms-table.ts";
import { answerText } from "../../../src/report/page/answer-text.ts";
import { plainText } from "../../../src/report/page/blocks.ts";
import { armRows } from "../../../src/report/ranking/arm-rows.ts";
import { armsOf } from "../../../src/report/ranking/arms.ts";
import { baselineOf, baselineText } from "../../../src/report/ranking/baseline.ts";
import { evidence } from "../../../src/report/ranking/evidence.ts";
import { rank, resultRows } from "../../../src/report/ranking/ranking.ts";
import { isStuck } from "../../../src/runs/status.ts";
import { type End, ranOf } from "./sweep-of.ts";

/** Runs whose token frequencies cost 7 nats. */
const ran = (arms: Readonly<Record<string, readonly End[]>>, unigram_loss = 7) =>
  Object.entries(arms).flatMap(([norm, ends]) =>
    ends.map((end, i) => ranOf({ norm, "train.seed": i + 1 }, end, { unigram_loss })),
  );

test("a finished run is stuck unless its loss is clearly below that of token frequencies", () => {
  const statuses = ran({ a: [6.9, 6.94, 7, 7.2, "diverged", "running", undefined] });
  expect(statuses.map(({ status }) => isStuck(status))).toEqual([
    false,
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(isStuck(ranOf({}, 9).status), "where the frequencies' loss is not known").toBe(false);
});

test("some stuck: marked, counted, and the others are compared as ever", () => {
  const runs = ran({ pre: [3, 3.1], post: [7.01, 7.02] });
  const found = evidence(armsOf(runs, "s"));
  expect(found.baseline).toEqual({ loss: 7, stuck: 2, noneBelow: false });
  expect(found.arms.map(({ label, stuck }) => [label, stuck])).toEqual([
    ["pre", 0],
    ["post", 2],
  ]);
  const { text } = rankingText(rank(runs), "s");
  expect(text).toMatch(/^1 +pre .* best$/m);
  expect(text).toMatch(/^2 +post .*; 2 stuck$/m);
  expect(text.match(/done, stuck$/gm)).toHaveLength(2);
  expect(text).toContain(
    "token frequencies alone: val loss 7.0000, val ppl 1096.633; 2 stuck there: they have learned nothing else",
  );
  expect(plainText(answerText(found))).toMatch(/^pre has the lowest validation loss/);
  expect(resultRows(runs).map(({ status, stuck, unigram_loss }) => [status, stuck, unigram_loss])).toEqual([
    ["done", "false", 7],
    ["done", "false", 7],
    ["done", "true", 7],
    ["done", "true", 7],
  ]);
  expect(armRows(found).map(({ stuck }) => stuck)).toEqual([0, 2]);
});

test("all stuck: no arm is the best, and the answer says why", () => {
  const runs = ran({ pre: [7.3, 7.31], post: [7.28, 7.29], deep: ["diverged", "diverged"] });
  const found = evidence(armsOf(runs, "s"));
  expect(found.baseline).toEqual({ loss: 7, stuck: 4, noneBelow: true });
  expect(plainText(answerText(found))).toBe(
    "No arm beats token frequencies (validation loss 7.0000, perplexity 1096.633): the finished runs have learned nothing else, so none of them can be called best.",
  );
  const { text } = rankingText(rank(runs), "s");
  expect(text).not.toMatch(/^\d.* best/m);
  expect(text).toContain("\nno arm beats token frequencies\n");
});

test("runs that were measured on other tokens have other lines; runs of before this was noted have none", () => {
  const mixed = [...ran({ pre: [3] }), ...ran({ post: [9] }, 8)];
  const found = baselineOf(mixed)!;
  expect(found).toEqual({ stuck: 1, noneBelow: false });
  expect(baselineText(found)).toMatch(/^token frequencies alone: another loss for each/);
  expect(baselineOf([ranOf({}, 9)])).toBeUndefined();
  expect(Object.keys(resultRows([ranOf({}, 9)])[0]!)).not.toContain("stuck");
});
