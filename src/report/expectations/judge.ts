/**
 * One claim against the runs of one arm. A run that diverged is never left out: it misses every number. What is not
 * finished is not judged, unless it could no longer be met.
 */
import type { Claim, Metric, NumberClaim, OrderClaim, OutcomeClaim } from "../../config/expect.ts";
import { type Sample, sample } from "../../lib/statistics.ts";
import { seedOf } from "../ranking/arms.ts";
import type { RankedRun } from "../ranking/ranking.ts";
import { type Judged, metricDigits } from "./claim-text.ts";

/** What a run has of one of its `eval.sets`, last evaluated; absent where eval.csv has none of it. */
export type SetValue = (run: string, set: string, metric: Metric) => number | undefined;

export interface Group {
  readonly label: string;
  readonly runs: readonly RankedRun[];
}

export interface Question {
  readonly arm: Group;
  readonly than?: Group;
  readonly setValue: SetValue;
}

export const judge = (claim: Claim, question: Question): Judged => {
  switch (claim.kind) {
    case "number":
      return judgeNumber(claim, question);
    case "order":
      return judgeOrder(claim, question);
    case "outcome":
      return judgeOutcome(claim, question);
  }
};

function judgeNumber(claim: NumberClaim, { arm, setValue }: Question): Judged {
  const { value, low = -Infinity, high = Infinity } = claim;
  const measure = (run: RankedRun) => measuredOf(run, claim.metric, claim.set, setValue);
  const values = arm.runs.map(measure).filter((got) => got !== undefined);
  const got = sample(values);
  const off = value ?? (got === undefined || got.mean >= low ? high : low);
  const inside = got !== undefined && got.mean >= low && got.mean <= high;
  const delta = got === undefined || (value === undefined && inside) ? undefined : got.mean - off;
  const facts = {
    measured: got === undefined ? "-" : got.mean.toFixed(metricDigits[claim.metric]),
    ...(got === undefined ? {} : { value: got.mean }),
    ...{ n: values.length, of: arm.runs.length, ...deltaOf(delta, got) },
  };
  return { ...facts, ...(unjudged(arm, values.length) ?? { verdict: inside ? "met" : "missed" }) };
}

function judgeOrder({ set, by }: OrderClaim, { arm, than = arm, setValue }: Question): Judged {
  const loss = (run: RankedRun) => measuredOf(run, "val_loss", set, setValue);
  const differences = arm.runs.flatMap((run) => {
    const other = than.runs.find((candidate) => seedOf(candidate) === seedOf(run));
    const [mine, theirs] = [loss(run), other && loss(other)];
    return mine === undefined || theirs === undefined ? [] : [theirs - mine];
  });
  const got = sample(differences);
  const facts = {
    measured:
      got === undefined ? "-" : `${Math.abs(got.mean).toFixed(4)} ${got.mean < 0 ? "worse" : "better"}`,
    ...(got === undefined ? {} : { value: got.mean }),
    ...{ n: differences.length, of: arm.runs.length, ...deltaOf(got && got.mean - by, got) },
  };
  const finished = (group: Group) => group.runs.filter((run) => loss(run) !== undefined).length;
  const open = unjudged(arm, finished(arm));
  if (open !== undefined) return { ...facts, ...open };
  const lost = count(than, "diverged");
  const note = lost === 0 ? {} : { note: `${than.label}: ${lost} of ${than.runs.length} diverged` };
  if (lost + finished(than) < than.runs.length)
    return { ...facts, verdict: "not finished", note: openNote(than, finished(than)) };
  if (new Set([...arm.runs, ...than.runs].flatMap(dataOf)).size > 1)
    return { ...facts, verdict: "missed", note: "the two arms saw different data" };
  // One that does not diverge is better than one that does.
  const better = got === undefined ? lost > 0 : got.mean > 0 && got.mean >= by;
  return { ...facts, verdict: better ? "met" : "missed", ...note };
}

function judgeOutcome({ diverges }: OutcomeClaim, { arm }: Question): Judged {
  const of = arm.runs.length;
  const [diverged, done] = [count(arm, "diverged"), count(arm, "done")];
  const facts = {
    measured: diverged + done === 0 ? "-" : `${diverged} of ${of} diverged`,
    n: diverged + done,
    of,
  };
  if ((diverges ? done : diverged) > 0) return { ...facts, verdict: "missed" };
  if (diverged + done < of)
    return { ...facts, verdict: "not finished", note: openNote(arm, diverged + done) };
  return { ...facts, verdict: "met" };
}

const count = ({ runs }: Group, state: string): number =>
  runs.filter(({ status }) => status?.state === state).length;

/** A diverged run can no longer be what a number says; what is still to come can. */
function unjudged(arm: Group, measured: number): Pick<Judged, "verdict" | "note"> | undefined {
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
  { name, status }: RankedRun,
  metric: Metric,
  set: string | undefined,
  setValue: SetValue,
): number | undefined {
  if (status?.state !== "done") return undefined;
  return set === undefined ? status[metric] : setValue(name, set, metric);
}

const dataOf = ({ status }: RankedRun): readonly string[] =>
  status?.state === "done" && status.data_fingerprint !== undefined ? [status.data_fingerprint] : [];

/** In the metric's unit, and in standard errors of the mean where there are two values and they differ. */
function deltaOf(
  delta: number | undefined,
  got: Sample | undefined,
): Pick<Judged, "delta" | "standardErrors"> {
  if (delta === undefined) return {};
  const error = (got?.sd ?? 0) / Math.sqrt(got?.n ?? 1);
  return { delta, ...(error > 0 ? { standardErrors: delta / error } : {}) };
}
