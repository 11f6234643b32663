/** What sections say of a sweep that is ranked by an accuracy. */
import { expect, test } from "vitest";
import { type FigureBlock, plainText } from "../../../src/report/page/blocks.ts";
import { accurate, evaluated, judged, type Known, reportDataOf } from "./report-data-of.ts";
import { blocksOf, cells, figures, words } from "./section-blocks.ts";

test("learning rates by a metric that is better when it is higher: the highest mean is the best rate", () => {
  const accuracies: Record<string, readonly (number | "diverged")[]> = {
    pre: [0.2, 0.4, 0.3],
    post: [0.35, 0.1, "diverged"],
  };
  const data = reportDataOf(
    ["norm=pre,post", "train.lr=0.001,0.01,0.1"],
    ({ factors }, i) => {
      const end = accuracies[String(factors.norm)]![i % 3]!;
      if (end === "diverged") return { end };
      return { end: 2 + end, evaluations: [evaluated(20, 2 + end), accurate(20, 3, end)] };
    },
    { byAccuracy: true },
  );
  const blocks = blocksOf(data, "learning-rate");
  expect(cells(blocks)).toEqual([
    ["pre", "0.01", "0.4000", "1", "3", ""],
    ["post", "0.001 (edge)", "0.3500", "1", "3", "0.1"],
  ]);
  expect(words(blocks)).toContain(
    "Each arm at its own best learning rate: pre has the highest late/accuracy, 0.4000",
  );
  const [figure] = figures(blocks);
  expect([figure!.title, figure!.from.files]).toEqual(["Final late/accuracy by learning rate", ["eval.csv"]]);
  const answer = blocksOf(data, "answer");
  expect(cells(answer)[0]!.slice(0, 8)).toEqual([
    ...["pre, lr 0.01", "1/1", "2.4000", "", "11.023", "1.2000", "0.4000", ""],
  ]);
  expect(words(answer)).toContain("Arms are ranked and compared by late/accuracy, where higher is better.");
});

test("figures of every metric that is no function of another, and which one ranks", () => {
  const known = (_: unknown, i: number): Known => ({
    end: 2 + i,
    evaluations: [...judged(3, 2 + i), accurate(10, 4, 0.1), accurate(20, 3, 0.2 + i / 10)],
  });
  const of = (byAccuracy: boolean) =>
    figures(blocksOf(reportDataOf(["norm=pre,post"], known, { byAccuracy }), "loss"));
  const found = of(true);
  expect(found.map(({ id, title }) => [id, title])).toEqual([
    ["validation-loss", "Validation loss"],
    ["validation-loss-2", "Loss on late, next-token-accuracy"],
    ["evaluation-accuracy-2", "Accuracy on late, next-token-accuracy"],
  ]);
  expect(found.map(({ panels }) => panels.map(({ title }) => title))).toEqual([
    ["validation loss", "difference to post"],
    ["late loss", "difference to post"],
    ["late accuracy", "difference to post"],
  ]);
  const contents = found.map(({ panels }) => panels[1]!.content);
  expect(contents[0]).toContain("nats per token, above 0 is worse");
  expect(contents[2]).toContain("accuracy, below 0 is worse");
  const ranked = (all: readonly FigureBlock[]) =>
    all.map(({ caption }) => plainText(caption).includes("Runs are ranked by the last point."));
  expect(ranked(found)).toEqual([false, false, true]);
  expect(ranked(of(false))).toEqual([true, false, false]);
});
