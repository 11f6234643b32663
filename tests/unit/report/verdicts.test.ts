/** Expectations against made-up runs: every kind of claim, and what is told where runs diverged, are missing or are known to differ. */
import { expect, test } from "vitest";
import type { Claim } from "../../../src/config/expect.ts";
import { junitXml } from "../../../src/report/expectations/junit.ts";
import { overall, type Verdict, verdicts } from "../../../src/report/expectations/verdicts.ts";
import { armsOf } from "../../../src/report/ranking/arms.ts";
import { evaluationScores, type ScoreOf } from "../../../src/report/ranking/evaluation-scores.ts";
import type { RankedRun } from "../../../src/report/ranking/ranking.ts";
import type { RunStatus } from "../../../src/runs/status.ts";
import type { BoundExpectation } from "../../../src/sweep/expected-arms.ts";
import { evaluated } from "./report-data-of.ts";

type State = RunStatus["state"];
/** A loss is a finished run, a word another state, undefined one that was not started. */
type Made = number | State | undefined;

/** Runs `NORM1`, `NORM2`, ..., a seed each. */
function runs(made: Readonly<Record<string, readonly Made[]>>, data = "d"): readonly RankedRun[] {
  return Object.entries(made).flatMap(([norm, seeds]) =>
    seeds.map((one, i): RankedRun => {
      const name = `${norm}${i + 1}`;
      const state: State = typeof one === "number" ? "done" : (one ?? "failed");
      const numbers = typeof one === "number" ? { val_loss: one, val_ppl: Math.exp(one) } : {};
      const about = { run: name, id: name, attempt: 1, pid: 1, host: "h", started: "" };
      const status: RunStatus = { ...about, state, ...numbers, data_fingerprint: data };
      const factors = { norm, "train.seed": i + 1 };
      return { name, id: name, factors, status: one === undefined ? undefined : status };
    }),
  );
}

const named = (all: readonly RankedRun[], norm: string) =>
  all.filter(({ factors }) => factors.norm === norm).map(({ name }) => name);

/** The one verdict on a claim about `pre`, compared with `post` where it is an order. */
function judged(
  all: readonly RankedRun[],
  claim: Claim,
  extra: Partial<BoundExpectation> = {},
  scoreOf?: ScoreOf,
): Verdict {
  const than = claim.kind === "order" ? { than: named(all, "post") } : {};
  const expectation = { at: 0, arm: { norm: "pre" }, claim, arms: [{ arm: named(all, "pre"), ...than }] };
  const [verdict] = verdicts([{ ...expectation, ...extra }], armsOf(all, "sweep"), scoreOf);
  return verdict!;
}

const near = (value: number, far: number): Claim => ({
  kind: "number",
  metric: "val_loss",
  value,
  low: value - far,
  high: value + far,
});
const order = (by = 0): Claim => ({ kind: "order", than: { norm: "post" }, by });

test("a number: the mean over seeds, its distance in its unit and in standard errors", () => {
  const all = runs({ pre: [2, 2.2, 2.4] });
  const met = judged(all, near(2.25, 0.1));
  expect(met).toMatchObject({ verdict: "met", counts: true, n: 3, of: 3, arm: "pre", what: "val_loss" });
  expect(met).toMatchObject({ expected: "2.25 +- 0.1", measured: "2.2000" });
  expect(met.delta).toBeCloseTo(-0.05, 12);
  expect(met.standardErrors).toBeCloseTo(-0.05 / (0.2 / Math.sqrt(3)), 12);
  const missed = judged(all, near(2.25, 0.04));
  expect([missed.verdict, overall([missed]), overall([met, missed])]).toEqual(["missed", "missed", "missed"]);
  expect(judged(runs({ pre: [2] }), near(2, 0)), "one seed has no standard error").not.toHaveProperty(
    "standardErrors",
  );
});

test("bounds: no distance inside, beyond them that to the nearer", () => {
  const all = runs({ pre: [2, 3] });
  const between = (low?: number, high?: number) =>
    judged(all, {
      kind: "number",
      metric: "val_loss",
      ...(low === undefined ? {} : { low }),
      ...(high === undefined ? {} : { high }),
    });
  expect(between(2, 3)).toMatchObject({ verdict: "met", expected: "2 to 3" });
  expect(between(2, 3)).not.toHaveProperty("delta");
  expect(between(undefined, 2)).toMatchObject({ verdict: "missed", delta: 0.5, expected: "at most 2" });
  expect(between(3)).toMatchObject({ verdict: "missed", delta: -0.5, expected: "at least 3" });
});

test("another metric, and a set's own numbers by run", () => {
  const all = runs({ pre: [0, 0] });
  const claim = { kind: "number", metric: "val_ppl", value: 1, low: 0.9, high: 1.1 } as const;
  expect(judged(all, claim)).toMatchObject({ verdict: "met", value: 1, measured: "1.000" });
  const wiki = evaluationScores((run) => [
    evaluated(10, 1, "wiki"),
    evaluated(20, run === "pre1" ? Math.log(4) : Math.log(6), "wiki"),
    evaluated(20, 1, "other"),
  ]);
  const onSet = judged(all, { ...claim, set: "wiki" }, {}, wiki);
  expect(onSet).toMatchObject({ verdict: "missed", measured: "5.000", what: "val_ppl on wiki" });
  const named = judged(all, { ...claim, metric: "ppl", set: "wiki" }, {}, wiki);
  expect(named).toMatchObject({ measured: "5.000", what: "ppl on wiki" });
  const without = judged(all, { ...claim, set: "wiki" });
  expect(without).toMatchObject({ verdict: "not finished", n: 0, measured: "-" });
  expect(without.note).toContain("eval.csv has no rows of the set");
});

test("an order is by pairs of seeds, not by the two means", () => {
  const all = runs({ pre: [2.0, 3.0], post: [2.1, 3.12] });
  const met = judged(all, order(0.05));
  expect(met).toMatchObject({ verdict: "met", n: 2, measured: "0.1100 better" });
  expect(met.expected).toBe("better than post by 0.05");
  expect(met.standardErrors, "the seeds' own spread does not count").toBeCloseTo(0.06 / 0.01, 9);
  expect(judged(all, order(0.2)).verdict).toBe("missed");
  const worse = judged(runs({ pre: [2.1], post: [2] }), order());
  expect(worse).toMatchObject({ verdict: "missed", measured: "0.1000 worse" });
  expect(judged(runs({ pre: [2], post: [2] }), order()).verdict, "equal is not better").toBe("missed");
  const data = [...runs({ pre: [2] }, "a"), ...runs({ post: [3] }, "b")];
  expect(judged(data, order())).toMatchObject({ verdict: "missed", note: "the two arms saw different data" });
});

test("an order by what is better when it is higher, and by as much as the metric says", () => {
  const all = runs({ pre: [1, 1], post: [1, 1] });
  const accuracies: Record<string, number> = { pre1: 0.5, pre2: 0.4, post1: 0.48, post2: 0.37 };
  const late = evaluationScores((run) => [
    { step: 20, protocol: "p", split: "late", scores: { accuracy: accuracies[run]! } },
  ]);
  const claim = (by: number): Claim => ({
    kind: "order",
    metric: "accuracy",
    set: "late",
    than: { norm: "post" },
    by,
  });
  const met = judged(all, claim(0.02), {}, late);
  expect(met).toMatchObject({ verdict: "met", what: "accuracy on late", measured: "0.0250 better", n: 2 });
  expect(judged(all, claim(0.03), {}, late).verdict).toBe("missed");
  accuracies.pre1 = accuracies.pre2 = 0.3;
  expect(judged(all, claim(0), {}, late)).toMatchObject({ verdict: "missed", measured: "0.1250 worse" });
  const high: Claim = { kind: "number", metric: "accuracy", set: "late", low: 0.25 };
  expect(judged(all, high, {}, late)).toMatchObject({ verdict: "met", expected: "at least 0.25" });
});

test("a diverged run misses numbers and orders, and is beaten by one that is finished", () => {
  const some = runs({ pre: [2, "diverged"], post: [3, 3] });
  expect(judged(some, near(2, 1))).toMatchObject({ verdict: "missed", note: "1 of 2 diverged", n: 1, of: 2 });
  expect(judged(some, order())).toMatchObject({ verdict: "missed", n: 1 });
  const other = judged(runs({ pre: [2, 2], post: ["diverged", "diverged"] }), order(0.5));
  expect(other).toMatchObject({ verdict: "met", n: 0, note: "post: 2 of 2 diverged" });
  const half = judged(runs({ pre: [2, 2], post: [1, "diverged"] }), order());
  expect(half, "where both are finished it is worse").toMatchObject({ verdict: "missed", n: 1 });
});

test("an outcome: all of an arm's runs diverge, or none does", () => {
  const outcome = (diverges: boolean, ...made: readonly Made[]) =>
    judged(runs({ pre: made }), { kind: "outcome", diverges }).verdict;
  expect(outcome(true, "diverged", "diverged")).toBe("met");
  expect(outcome(true, "diverged", undefined)).toBe("not finished");
  expect(outcome(true, "diverged", 2)).toBe("missed");
  expect(outcome(true, undefined, 2), "whatever the other will do").toBe("missed");
  expect(outcome(false, 2, 2)).toBe("met");
  expect(outcome(false, "diverged", undefined)).toBe("missed");
  expect(outcome(false, 2, "failed")).toBe("not finished");
});

test("what is not finished is not judged, and said by state", () => {
  const all = runs({ pre: [2, "failed", undefined, undefined], post: [1, 1, 1, "running"] });
  const open = judged(all, near(9, 0.1));
  expect(open).toMatchObject({ verdict: "not finished", n: 1, of: 4, counts: true });
  expect(open.note).toBe("pre: 3 of 4 unfinished (1 failed, 2 not started)");
  expect(judged(all, order()).verdict).toBe("not finished");
  expect(overall([open])).toBe("not finished");
  const otherOpen = judged(runs({ pre: [2], post: ["running"] }), order());
  expect(otherOpen).toMatchObject({ verdict: "not finished", note: "post: 1 of 1 unfinished (1 running)" });
});

test("a known discrepancy is told and never fails; one that is gone is told too", () => {
  const known = { known: "other tokenizer", source: "Table 1" };
  const all = runs({ pre: [2] });
  const missed = judged(all, near(9, 1), known);
  expect(missed).toMatchObject({
    verdict: "known",
    counts: false,
    note: "other tokenizer",
    source: "Table 1",
  });
  const gone = judged(all, near(2, 1), known);
  expect(gone).toMatchObject({ verdict: "met", counts: true });
  expect(gone.note).toContain("other tokenizer");
  const open = judged(runs({ pre: [undefined] }), near(2, 1), known);
  expect(open).toMatchObject({ verdict: "not finished", counts: false });
  expect(overall([missed, gone, open])).toBe("met");
});

test("arms that the command line takes away are left out; each of several has its verdict", () => {
  const all = runs({ pre: [2], post: [3] });
  const none = judged(all, near(2, 1), { arms: [] });
  expect(none).toMatchObject({ verdict: "left out", counts: false, arm: "norm pre" });
  const every = { at: 4, claim: near(2, 0.1), arms: [{ arm: ["pre1"] }, { arm: ["post1"] }] };
  const both = verdicts([every], armsOf(all, "sweep"));
  expect(both.map(({ at, arm, verdict }) => [at, arm, verdict])).toEqual([
    [4, "pre", "met"],
    [4, "post", "missed"],
  ]);
});

test("JUnit: each verdict a test case, counted, with nothing that XML cannot hold", () => {
  const all = runs({ pre: [2], post: [undefined] });
  const claims: readonly [Claim, string?][] = [
    [near(2, 1)],
    [near(9, 1)],
    [near(9, 1), 'a "<&>\u0000\ud800 b'],
  ];
  const xml = junitXml("a<b", [
    ...claims.map(([claim, known]) =>
      judged(all, claim, known === undefined ? {} : { known, source: "x\ny" }),
    ),
    judged(all, order()),
    judged(all, near(2, 1), { arms: [] }),
  ]);
  expect(xml).toContain('<testsuite name="a&lt;b" tests="5" failures="1" errors="1" skipped="2">');
  expect(xml.match(/<testcase /g)).toHaveLength(5);
  expect(xml).toContain(
    '<skipped message="known: measured 2.0000 (1/1); a &quot;&lt;&amp;&gt;\\u0000\ufffd b"/>',
  );
  expect(xml).toContain('<failure message="missed: measured 2.0000 (1/1)"/>');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the point
  expect(xml).not.toMatch(/[\u0000-\u0008]/);
});

test("stuck: all of the arm's runs end at the loss of token frequencies, or none does", () => {
  const ended = (made: readonly Made[]) =>
    runs({ pre: made }).map((run) => ({ ...run, status: run.status && { ...run.status, unigram_loss: 7 } }));
  const claim = (stuck: boolean): Claim => ({ kind: "stuck", stuck });
  const verdictsOn = (made: readonly Made[]) =>
    [true, false].map((stuck) => judged(ended(made), claim(stuck)).verdict);
  expect(verdictsOn([7.1, 7.2])).toEqual(["met", "missed"]);
  expect(verdictsOn([7.1, 3])).toEqual(["missed", "missed"]);
  expect(verdictsOn([3, 3.1])).toEqual(["missed", "met"]);
  expect(verdictsOn([3, "diverged"])).toEqual(["missed", "met"]);
  expect(verdictsOn([7.1, undefined])).toEqual(["not finished", "missed"]);
  expect(judged(ended([7.1, 3]), claim(true))).toMatchObject({
    what: "outcome",
    expected: "stuck at token frequencies",
    measured: "1 of 2 stuck",
  });
  expect(judged(runs({ pre: [7.1] }), claim(true)).verdict, "unknown frequencies").toBe("missed");
});
