/** Rankings by any metric: which way is better decides order, signs and words, with the same statistics. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { armsTable } from "../../../src/cli/tables/arms-table.ts";
import { rankingTable } from "../../../src/cli/tables/ranking-table.ts";
import { evaluationMetrics } from "../../../src/config/evaluation-metrics.ts";
import { answerText } from "../../../src/report/page/answer-text.ts";
import { plainText } from "../../../src/report/page/blocks.ts";
import { armsAsJson, armsCsv } from "../../../src/report/ranking/arm-rows.ts";
import { armsOf } from "../../../src/report/ranking/arms.ts";
import { evaluationScores } from "../../../src/report/ranking/evaluation-scores.ts";
import { evidence } from "../../../src/report/ranking/evidence.ts";
import { type RankBy, rankBy } from "../../../src/report/ranking/rank-by.ts";
import { dataMismatch, type RankedRun, rank, resultRows } from "../../../src/report/ranking/ranking.ts";
import { readRankBy } from "../../../src/report/ranking/read-rank-by.ts";
import { type End, seedsOf } from "./sweep-of.ts";

const SETS = { late: { protocol: { name: "next-token-accuracy", min_context: 4 } } } as const;

/** By the accuracy on the set `late`; `accuracies` of the runs by name, a run without one was never evaluated there. */
function byAccuracy(accuracies: Readonly<Record<string, number>>): RankBy {
  const values = evaluationScores((run) => {
    const accuracy = accuracies[run];
    return accuracy === undefined
      ? []
      : [{ step: 9, protocol: "p", split: "late", scores: { accuracy, loss: 1 } }];
  });
  return rankBy(evaluationMetrics(SETS).get("late/accuracy")!, values);
}

/** Arms whose seeds end with these accuracies, and with losses that say the opposite. */
function sweepOf(arms: Readonly<Record<string, readonly (number | Exclude<End, number>)[]>>) {
  const runs = Object.entries(arms).flatMap(([norm, ends]) =>
    seedsOf(
      { norm },
      ends.map((end) => (typeof end === "number" ? 2 + end : end)),
    ),
  );
  const all = Object.values(arms).flat();
  const accuracies = Object.fromEntries(
    runs.flatMap(({ name }, i) => (typeof all[i] === "number" ? [[name, all[i]]] : [])),
  );
  return { runs, by: byAccuracy(accuracies) };
}
const found = ({ runs, by }: ReturnType<typeof sweepOf>, against?: string) =>
  evidence(armsOf(runs, "s"), { by, ...(against === undefined ? {} : { against }) });

describe("where higher is better", () => {
  const sweep = sweepOf({ post: [0.3, 0.4, 0.35], pre: [0.32, 0.43, 0.37] });

  test("the highest comes first, differences are paired by seed, and below 0 is worse", () => {
    const { arms, reference, noise } = found(sweep);
    expect(arms.map(({ label }) => label)).toEqual(["pre", "post"]);
    expect(reference).toBe("pre");
    const { mean, n, ci95, resolved } = arms[1]!.delta!;
    expect([n, resolved]).toEqual([3, true]);
    expect(mean).toBeCloseTo(-0.07 / 3, 12); // -2, -3 and -2 hundredths
    expect(ci95).toBeCloseTo((4.302652729749464 * Math.sqrt(1 / 30000)) / Math.sqrt(3), 10);
    expect(noise).toBeCloseTo(0.0526, 4);
    expect(arms[0]!.score).toMatchObject({ n: 3, mean: expect.closeTo(1.12 / 3, 12) });
    expect(arms[0]!.loss, "the validation loss is there too").toMatchObject({
      mean: expect.closeTo(2 + 1.12 / 3, 12),
    });
  });

  test("tables say which is worse and which better, in the metric's own column", () => {
    const lines = armsTable(found(sweep)).split("\n");
    expect(lines[0]).toMatch(/^# +arm +seeds +val ppl +bits\/byte +val loss +late\/accuracy +to best/);
    expect(lines[1]).toMatch(/^1 +pre +3\/3 .* 0\.3733 ±0\.1368 .* best$/);
    expect(lines[2]).toMatch(/^2 +post .* -0\.0233 ±0\.0143 +worse$/);
    expect(lines[3]).toMatch(/^seed noise: 0\.0526 \(standard deviation\)/);
    expect(armsTable(found(sweep, "post"), true)).toMatch(/1 +pre .* \+0\.0233 ±0\.0143 +better\n/);
  });

  test("the answer in words", () => {
    expect(plainText(answerText(found(sweep)))).toBe(
      "pre has the highest late/accuracy, 0.3733 (mean of 3 seeds). post, the next, is 0.0233 ± 0.0143 lower (95 % confidence interval, 3 paired seeds): more than seed noise.",
    );
    const one = sweepOf({ pre: [0.5] });
    expect(plainText(answerText(found(one)))).toMatch(
      /^pre reached a late\/accuracy of 0\.5000 \(one seed\);/,
    );
  });

  test("arms for machines", () => {
    const [head, first, second] = armsCsv(found(sweep)).split("\n");
    expect(head).toBe(
      "arm,norm,seeds,finished,diverged,val_loss_mean,val_loss_sd,val_loss_ci95,val_ppl,val_bits_per_byte,late/accuracy_mean,late/accuracy_sd,late/accuracy_ci95,delta_mean,delta_ci95,delta_pairs,resolved,seeds_needed",
    );
    expect(first).toMatch(/^pre,pre,3,3,0,2\.37333333,.*,0\.373333333,0\.0550757055,0\.136815637,,,,,$/);
    expect(second).toMatch(/,-0\.0233333333,0\.0143421758,3,true,$/);
    expect(armsAsJson(found(sweep))).toMatchObject({
      rank_by: { metric: "late/accuracy", unit: "fraction", better: "higher" },
      reference: "pre",
    });
  });

  test("runs in their order with their number, ranks for those that have one", () => {
    const { runs, by } = sweepOf({ post: [0.3, "diverged"], pre: [0.32, undefined] });
    const [extra] = seedsOf({ norm: "peri" }, [1]) as [RankedRun];
    const ranked = rank([...runs, extra], by);
    expect(ranked.map(({ factors }) => `${factors.norm}${factors["train.seed"]}`)).toEqual([
      ...["pre1", "post1", "post2", "pre2", "peri1"],
    ]);
    const rows = resultRows(ranked, by);
    expect(Object.keys(rows[0]!).slice(5, 11)).toEqual([
      ...["status", "val_loss", "val_ppl", "val_bits_per_byte", "late/accuracy", "train_loss"],
    ]);
    expect(rows.map((row) => row["late/accuracy"])).toEqual([0.32, 0.3, undefined, undefined, undefined]);
    const lines = rankingTable(ranked, by).split("\n");
    expect(lines[0]).toMatch(/^# +run +late\/accuracy +val ppl/);
    expect(lines[1]).toMatch(/^1 .* 0\.3200 /);
    expect(lines[5], "done, and never evaluated there").toMatch(/^ .* - .* done$/);
  });

  test("an arm that lost seeds stands below whole ones, however high the rest", () => {
    const { arms } = found(sweepOf({ frail: [0.9, "diverged"], whole: [0.1, 0.2] }));
    expect(arms.map(({ label, finished }) => [label, finished])).toEqual([
      ["whole", 2],
      ["frail", 1],
    ]);
  });
});

test("by the validation loss nothing is said of a ranking, and no column is added", () => {
  const { runs } = sweepOf({ post: [0.3], pre: [0.32] });
  expect(Object.keys(resultRows(runs)[0]!)).toEqual([
    ...[
      "run",
      "id",
      "arm",
      "norm",
      "train.seed",
      "status",
      "val_loss",
      "val_ppl",
      "val_bits_per_byte",
      "train_loss",
    ],
    ...["max_grad_norm", "steps", "tokens", "parameters", "engine", "data_fingerprint", "message"],
  ]);
  expect(armsAsJson(evidence(armsOf(runs, "s")))).not.toHaveProperty("rank_by");
  expect(rank(runs).map(({ factors }) => factors.norm)).toEqual(["post", "pre"]);
});

describe("from a sweep's folder", () => {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-rank-"));
  afterAll(() => rmSync(dir, { recursive: true }));
  const HEAD = "step,protocol,split,loss,ppl,bits_per_byte,n_tokens,n_bytes,accuracy";
  /** A run whose last accuracy on `late` is this, on data with this fingerprint. */
  const written = (name: string, accuracy: number, data: string) => {
    mkdirSync(join(dir, name), { recursive: true });
    const rows = [
      "2,packed-v1,validation,2,7,3,9,9,",
      "2,next-token-accuracy,late,2,7,3,9,9,0.9",
      `4,next-token-accuracy,late,2,7,3,9,9,${accuracy}`,
    ];
    writeFileSync(join(dir, name, "eval.csv"), `${[HEAD, ...rows].join("\n")}\n`);
    const evaluation_sets = [{ split: "late", data_fingerprint: data }];
    writeFileSync(join(dir, name, "provenance.json"), JSON.stringify({ evaluation_sets }));
    const [run] = seedsOf({ norm: name }, [2]) as [RankedRun];
    return { ...run, name, config: { eval: { rank_by: "late/accuracy", sets: SETS } } as never };
  };

  test("the last evaluation counts, as the config says or as asked for", () => {
    const runs = [written("a", 0.25, "d"), written("b", 0.5, "d")];
    const by = readRankBy(dir, runs);
    expect([by.name, by.noun, by.title]).toEqual(["late/accuracy", "late/accuracy", "late/accuracy"]);
    expect(runs.map((run) => by.scoreOf(run))).toEqual([0.25, 0.5]);
    expect(rank(runs, by).map(({ name }) => name)).toEqual(["b", "a"]);
    const bits = readRankBy(dir, runs, "bits_per_byte");
    expect([bits.noun, bits.title, bits.scoreOf(runs[0]!)]).toEqual([
      ...["validation bits_per_byte", "val bits/byte", 1],
    ]);
    expect(readRankBy(dir, runs, "late/bits_per_byte").scoreOf(runs[0]!)).toBe(3);
    expect(readRankBy(dir, runs, "loss").isDefault).toBe(true);
    expect(() => readRankBy(dir, runs, "late/acc")).toThrow(
      /^--rank-by: no evaluation gives the metric late\/acc; allowed: /,
    );
  });

  test("runs that were evaluated on different data are not ranked by it, but by their own loss", () => {
    const runs = [written("a", 0.25, "d"), written("c", 0.5, "another")];
    const by = readRankBy(dir, runs);
    expect(dataMismatch(runs, by)).toMatch(
      /^not ranked: the runs saw different data, d \(a\) and d and another \(c\)/,
    );
    expect(rank(runs, by)).toEqual(runs);
    expect(dataMismatch(runs)).toBeUndefined();
  });
});
