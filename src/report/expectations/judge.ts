/**
 * One claim against the runs of one arm. A run that diverged is never left out: it misses every number. What is not
 * finished is not judged, unless it could no longer be met.
 */
import { MAIN } from "../../config/evaluation-metrics.ts";
import { bareName, type Claim, type NumberClaim, type OrderClaim } from "../../config/expect.ts";
import { fixed } from "../../lib/format.ts";
import { type Sample, sample } from "../../lib/statistics.ts";
import { isStuck } from "../../runs/status.ts";
import { seedOf } from "../ranking/arms.ts";
import type { ScoreOf } from "../ranking/evaluation-scores.ts";
import type { RankedRun } from "../ranking/ranking.ts";
import { type Judgement, metricOf } from "./claim-text.ts";

export interface Group {
  readonly label: string;
  readonly runs: readonly RankedRun[];
}

export interface JudgeInput {
  readonly arm: Group;
  readonly than?: Group;
  readonly scoreOf: ScoreOf;
}

export const judge = (claim: Claim, input: JudgeInput): Judgement => {
  switch (claim.kind) {
    case "number":
      return judgeNumber(claim, input);
    case "order":
      return judgeOrder(claim, input);
    case "outcome":
      return judgeEnding(claim.diverges, "diverged", isDiverged, input);
    case "stuck":
      return judgeEnding(claim.stuck, "stuck", ({ status }) => isStuck(status), input);
  }
};

function judgeNumber(claim: NumberClaim, { arm, scoreOf }: JudgeInput): Judgement {
  const { value, low = -Infinity, high = Infinity } = claim;
  const measure = (run: RankedRun) => measuredOf(run, claim.metric, claim.set, scoreOf);
  const values = arm.runs.map(measure).filter((got) => got !== undefined);
  const got = sample(values);
  const off = value ?? (got === undefined || got.mean >= low ? high : low);
  const inside = got !== undefined && got.mean >= low && got.mean <= high;
  const delta = got === undefined || (value === undefined && inside) ? undefined : got.mean - off;
  const facts = {
    measured: fixed(got?.mean, metricOf(claim.metric).digits),
    ...(got === undefined ? {} : { value: got.mean }),
    n: values.length,
    of: arm.runs.length,
    ...deltaOf(delta, got),
  };
  return { ...facts, ...(unjudged(arm, values.length) ?? { verdict: inside ? "met" : "missed" }) };
}

function judgeOrder(
  { metric = "val_loss", set, by }: OrderClaim,
  { arm, than = arm, scoreOf }: JudgeInput,
): Judgement {
  const { better: direction, digits } = metricOf(metric);
  const measure = (run: RankedRun) => measuredOf(run, metric, set, scoreOf);
  const differences = arm.runs.flatMap((run) => {
    const other = than.runs.find((candidate) => seedOf(candidate) === seedOf(run));
    const [mine, theirs] = [measure(run), other && measure(other)];
    if (mine === undefined || theirs === undefined) return [];
    return [direction === "lower" ? theirs - mine : mine - theirs];
  });
  const got = sample(differences);
  const facts = {
    measured:
      got === undefined ? "-" : `${fixed(Math.abs(got.mean), digits)} ${got.mean < 0 ? "worse" : "better"}`,
    ...(got === undefined ? {} : { value: got.mean }),
    n: differences.length,
    of: arm.runs.length,
    ...deltaOf(got && got.mean - by, got),
  };
  const finished = (group: Group) => group.runs.filter((run) => measure(run) !== undefined).length;
  const open = unjudged(arm, finished(arm));
  if (open !== undefined) return { ...facts, ...open };
  const lost = count(than, "diverged");
  const note = lost === 0 ? {} : { note: `${than.label}: ${lost} of ${than.runs.length} diverged` };
  if (lost + finished(than) < than.runs.length)
    return { ...facts, verdict: "not finished", note: openNote(than, finished(than)) };
  const both = [...arm.runs, ...than.runs];
  if (new Set(both.flatMap(dataOf)).size > 1)
    return { ...facts, verdict: "missed", note: "the two arms saw different data" };
  if (set === undefined && new Set(both.flatMap(measuredOn)).size > 1)
    return { ...facts, verdict: "missed", note: "the two arms were evaluated on different tokens" };
  if (lost === 0 && differences.length < Math.max(arm.runs.length, than.runs.length))
    return {
      ...facts,
      verdict: "not finished",
      note: `${arm.label} and ${than.label} have not the same seeds`,
    };
  // One that does not diverge is better than one that does.
  const better = got === undefined ? lost > 0 : got.mean > 0 && got.mean >= by;
  return { ...facts, verdict: better ? "met" : "missed", ...note };
}

/** Of the runs that have ended, those that ended in this way; all of them must have, or none. */
function judgeEnding(
  expected: boolean,
  word: string,
  isSuch: (run: RankedRun) => boolean,
  { arm }: JudgeInput,
): Judgement {
  const of = arm.runs.length;
  const ended = count(arm, "diverged") + count(arm, "done");
  const such = arm.runs.filter(isSuch).length;
  const facts = { measured: ended === 0 ? "-" : `${such} of ${of} ${word}`, n: ended, of };
  if ((expected ? ended - such : such) > 0) return { ...facts, verdict: "missed" };
  if (ended < of) return { ...facts, verdict: "not finished", note: openNote(arm, ended) };
  return { ...facts, verdict: "met" };
}

const isDiverged = ({ status }: RankedRun): boolean => status?.state === "diverged";

const count = ({ runs }: Group, state: string): number =>
  runs.filter(({ status }) => status?.state === state).length;

/** A diverged run can no longer be what a number says; what is still to come can. */
function unjudged(arm: Group, measured: number): Pick<Judgement, "verdict" | "note"> | undefined {
  const diverged = count(arm, "diverged");
  if (diverged > 0) return { verdict: "missed", note: `${diverged} of ${arm.runs.length} diverged` };
  return measured === arm.runs.length
    ? undefined
    : { verdict: "not finished", note: openNote(arm, measured) };
}

/** What its unfinished runs are: `seed 2: failed`. */
function openNote({ label, runs }: Group, measured: number): string {
  const states = runs.flatMap(({ status }) =>
    status?.state === "done" ? [] : [status?.state ?? "not started"],
  );
  const each = [...new Set(states)].map((state) => `${states.filter((s) => s === state).length} ${state}`);
  const why = each.length === 0 ? "eval.csv has no rows of the set" : each.join(", ");
  return `${label}: ${runs.length - measured} of ${runs.length} unfinished (${why})`;
}

function measuredOf(
  run: RankedRun,
  metric: string,
  set: string | undefined,
  scoreOf: ScoreOf,
): number | undefined {
  if (metric !== "train_loss") return scoreOf(run, set ?? MAIN, bareName(metric));
  return run.status?.state === "done" ? run.status.train_loss : undefined;
}

const dataOf = ({ status }: RankedRun): readonly string[] =>
  status?.state === "done" && status.data_fingerprint !== undefined ? [status.data_fingerprint] : [];

const measuredOn = ({ status }: RankedRun): readonly string[] =>
  status?.state === "done" && status.validation_sha256 !== undefined ? [status.validation_sha256] : [];

/** In the metric's unit, and in standard errors of the mean where there are two values and they differ. */
function deltaOf(
  delta: number | undefined,
  got: Sample | undefined,
): Pick<Judgement, "delta" | "standardErrors"> {
  if (delta === undefined) return {};
  const error = (got?.sd ?? 0) / Math.sqrt(got?.n ?? 1);
  return { delta, ...(error > 0 ? { standardErrors: delta / error } : {}) };
}
