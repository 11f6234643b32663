/** Long tables thinned while they are read: no extreme is lost, and spikes are found where they are. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { lastShares } from "../../../src/probes/experts.ts";
import { layerGradients } from "../../../src/probes/grad-norms.ts";
import type { Reader } from "../../../src/probes/reader.ts";
import { bucketOf, buckets, bucketWidth } from "../../../src/report/readers/buckets.ts";
import { readMetrics } from "../../../src/report/readers/metrics.ts";
import { spikeWatch } from "../../../src/report/readers/spikes.ts";
import { tableRows } from "../../../src/runs/read-table.ts";

function written(lines: readonly string[]): string {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-traces-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "t.csv");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

/** As a report has a reader read a file. */
const readBy = <R>(reader: Reader<R>, path: string, width = 8): R | undefined =>
  reader.read(tableRows(path, reader), (step) => bucketOf(step, width));

test("buckets keep the mean and the extremes, and begin at the same steps whatever is missing", () => {
  expect([bucketWidth(50_000, 400), bucketWidth(399, 400), bucketWidth(401, 400)]).toEqual([125, 1, 2]);
  const all = buckets(4);
  for (let step = 1; step <= 10; step++) all.add(step, step === 6 ? 100 : step);
  all.add(11, Number.NaN);
  expect(all.list()).toEqual([
    { step: 4, n: 4, mean: 2.5, min: 1, max: 4 },
    { step: 8, n: 4, mean: (5 + 100 + 7 + 8) / 4, min: 5, max: 100 },
    { step: 10, n: 2, mean: 9.5, min: 9, max: 10 },
  ]);
});

test("a spike is a value well above the median before it; a trend is none, nor what is not finite", () => {
  const watch = spikeWatch(3);
  for (let step = 1; step <= 200; step++) watch.add(step, step * 0.01 + (step === 120 ? 8 : 0));
  watch.add(201, Infinity);
  expect(watch.count).toBe(1);
  // Steps 56 to 119 before it, whose median lies between those of steps 87 and 88.
  expect(watch.worst).toMatchObject({ step: 120 });
  expect(watch.worst!.factor).toBeCloseTo(9.2 / 0.875, 10);
  const early = spikeWatch(3);
  for (const [i, value] of [1, 1, 50].entries()) early.add(i + 1, value);
  expect(early.count, "three values are no history").toBe(0);
});

test("nothing is a spike against a median of zero", () => {
  const watch = spikeWatch(3);
  for (let step = 1; step <= 40; step++) watch.add(step, step % 3 === 0 ? 1 : 0);
  expect([watch.count, watch.worst]).toEqual([0, undefined]);
});

test("a step whose every token is masked has no loss, and that is no number that broke", () => {
  const rows = Array.from({ length: 20 }, (_, i) => `${i + 1},64,0.1,${i % 2 === 0 ? "2" : ""},,${i % 2}`);
  const found = readMetrics(written(["step,tokens,lr,train_loss,train_ppl,grad_norm", ...rows]), 5)!;
  expect(found).toMatchObject({ rows: 20, lossSpikes: { count: 0 }, gradSpikes: { count: 0 } });
  expect(found.notFiniteAt).toBeUndefined();
  expect(found.loss.map(({ n, mean }) => [n, mean])).toEqual([
    [3, 2],
    [2, 2],
    [3, 2],
    [2, 2],
  ]);
});

test("metrics: one pass gives curves, clipped steps and where a number was none", () => {
  const rows = Array.from({ length: 1000 }, (_, i) => {
    const step = i + 1;
    const loss = step === 500 ? "9" : step === 900 ? "nan" : "2";
    return `${step},${step * 64},0.1,${loss},7,${step === 500 ? 50 : 1},${step <= 250 ? 0.5 : 1}`;
  });
  const path = written(["step,tokens,lr,train_loss,train_ppl,grad_norm,clip_coef", ...rows]);
  const found = readMetrics(path, 100)!;
  expect(found).toMatchObject({
    rows: 1000,
    lastStep: 1000,
    tokensPerStep: 64,
    clipped: 250,
    notFiniteAt: 900,
  });
  expect(found.loss).toHaveLength(10);
  expect(found.loss[4]).toMatchObject({ step: 500, min: 2, max: 9 });
  expect(found.lossSpikes).toEqual({ count: 1, worst: { step: 500, factor: 4.5 } });
  expect(found.gradSpikes).toEqual({ count: 1, worst: { step: 500, factor: 50 } });
  expect(readMetrics(written(["step,tokens"]), 1)).toBeUndefined();
});

test("layers: the first step of each bucket and the last of all, so that runs of one plan keep the same", () => {
  const table = (last: number) => [
    "step,layer,tensor,grad_l2,weight_l2",
    ...Array.from({ length: last }, (_, i) => i + 1).flatMap((step) => [
      `${step},0,blocks.0.w,99,1`,
      `${step},0,*,${step},1`,
      `${step},1,*,${step * 2},1`,
    ]),
  ];
  const whole = readBy(layerGradients, written(table(20)))!;
  expect([...whole]).toEqual([
    [1, [1, 2]],
    [9, [9, 18]],
    [17, [17, 34]],
    [20, [20, 40]],
  ]);
  expect([...readBy(layerGradients, written(table(12)))!.keys()]).toEqual([1, 9, 12]);
  const hostile = ["step,layer,tensor,grad_l2,weight_l2", "1,4000000000,*,1,1", "1,,*,1,1", "1,1,*,5,1"];
  expect([...readBy(layerGradients, written(hostile))!]).toEqual([[1, [Number.NaN, 5]]]);
});

test("experts: the shares of the last step alone", () => {
  const head = "step,layer,expert,token_share,grad_l2,weight_l2";
  const rows = [
    "1,0,0,0.9,1,1",
    "1,0,1,0.1,1,1",
    "5,0,0,0.4,1,1",
    "5,0,1,0.6,1,1",
    "5,1,0,1,1,1",
    "5,1,1,0,1,1",
  ];
  expect(readBy(lastShares, written([head, ...rows]))).toEqual({
    step: 5,
    shares: [
      [0.4, 0.6],
      [1, 0],
    ],
  });
});
