/**
 * Which arms the expectations of a file are about. A pattern means one arm of the sweep as the file has it; what the command
 * line makes of the sweep may have that arm, several of it (another key is swept besides), or none.
 */
import { LEARNING_RATE } from "../config/axes.ts";
import {
  type EvaluationMetric,
  evaluationMetrics,
  MAIN,
  metricKey,
  unknownMetric,
} from "../config/evaluation-metrics.ts";
import { bareName, type Claim, type Expectation, named, type Pattern } from "../config/expect.ts";
import type { Issue } from "../config/resolve.ts";
import { didYouMean } from "../config/wording.ts";
import {
  agree,
  groupByArm,
  matchArms,
  type ReportIssue,
  type SweepArm,
  type SweepPoint,
} from "./arm-pattern.ts";

/** An arm that something is expected of, and for an order the arm it is compared with: each as the names of its runs. */
export interface ExpectedArm {
  readonly arm: readonly string[];
  readonly than?: readonly string[];
  /** Which of them are named with all their learning rates, to be judged at their own best one. */
  readonly atBestRate?: readonly ("arm" | "than")[];
}

/** `arms` empty: the sweep, as the command line has it, does not train them. */
export interface BoundExpectation extends Expectation {
  readonly arms: readonly ExpectedArm[];
}

type Named = SweepPoint & { readonly name: string };

/**
 * `own`: the sweep as the file has it; `runs`: as it will be. Issues are at `["expect", i, ...]`, and only about the file: what
 * the command line takes away is no mistake.
 */
export function bindExpectations(
  expectations: readonly Expectation[],
  own: readonly SweepPoint[],
  runs: readonly Named[],
): { readonly bound: readonly BoundExpectation[]; readonly issues: readonly Issue[] } {
  if (expectations.length === 0) return { bound: [], issues: [] };
  const arms = {
    one: [groupByArm(own), groupByArm(runs)],
    best: [groupByArm(own, LEARNING_RATE), groupByArm(runs, LEARNING_RATE)],
  } as const;
  const issues: Issue[] = [];
  const bound = expectations.map((expectation): BoundExpectation => {
    const issue = (path: readonly string[], message: string, atKey = false) =>
      void issues.push({ path: ["expect", expectation.at, ...path], message, atKey, input: undefined });
    const { arm: pattern } = expectation;
    const claim = ranked(expectation.claim, own);
    checkMetric(claim, own, issue);
    const matching = (of: Pattern, key: string) => {
      const tuned = atBestRate(of);
      const [written, actual] = tuned ? arms.best : arms.one;
      const { [LEARNING_RATE]: _, ...others } = of;
      if (tuned && !own.some(({ factors }) => LEARNING_RATE in factors))
        issue([key, LEARNING_RATE], "not swept: best of what?", true);
      return matchArms(tuned ? others : of, written, actual, (...said) => issue(...under(key, said)));
    };
    const meant = pattern === undefined ? arms.one[1] : matching(pattern, "arm");
    const best = { arm: atBestRate(pattern), than: claim.kind === "order" && atBestRate(claim.than) };
    const marks = (["arm", "than"] as const).filter((side) => best[side]);
    const marked = marks.length === 0 ? {} : { atBestRate: marks };
    if (claim.kind !== "order")
      return { ...expectation, arms: meant.map((arm) => ({ arm: names(arm), ...marked })) };
    const than = matching(claim.than, "better_than");
    return { ...expectation, claim, arms: pairs(meant, than).map((pair) => ({ ...pair, ...marked })) };
  });
  return { bound, issues };
}

/** `{norm: pre, train.lr: best}` */
const atBestRate = (pattern: Pattern = {}): boolean => pattern[LEARNING_RATE] === "best";

const under = (key: string, [path, message, atKey]: Parameters<ReportIssue>): Parameters<ReportIssue> => [
  [key, ...path],
  message,
  atKey,
];

/** Each arm with the one it is compared with: of several the one that is like it in all that they differ in. */
function pairs(arms: readonly SweepArm<Named>[], others: readonly SweepArm<Named>[]): readonly ExpectedArm[] {
  const keys = [...new Set(others.flatMap(({ factors }) => Object.keys(factors)))];
  const varying = keys.filter((key) => !others.every((other) => agree(others[0]!, other, key)));
  return arms.flatMap((arm) =>
    others
      .filter(
        (other) => other !== arm && !others.includes(arm) && varying.every((key) => agree(arm, other, key)),
      )
      .map((other) => ({ arm: names(arm), than: names(other) })),
  );
}

const names = ({ points }: SweepArm<Named>): readonly string[] => points.map(({ name }) => name);

/** An order without a metric of its own is by what the sweep is ranked by. */
function ranked(claim: Claim, own: readonly SweepPoint[]): Claim {
  if (claim.kind !== "order" || claim.metric !== undefined || claim.set !== undefined) return claim;
  const key = own.map(({ config }) => config.eval?.rank_by).find((by) => by !== undefined);
  if (key === undefined) return claim;
  const { kind, than, by } = claim;
  const { metric, set } = named(key);
  return { kind, metric, ...(set === undefined ? {} : { set }), than, by };
}

function checkMetric(claim: Claim, own: readonly SweepPoint[], report: ReportIssue): void {
  if (
    claim.kind === "outcome" ||
    claim.kind === "stuck" ||
    (claim.kind === "number" && claim.metric === "train_loss")
  )
    return;
  const sets = Object.assign({}, ...own.map(({ config }) => config.eval?.sets));
  const known: ReadonlyMap<string, EvaluationMetric> = evaluationMetrics(sets);
  const { metric = "val_loss", set } = claim;
  const name = bareName(metric);
  const key = metricKey(set ?? MAIN, name);
  const written = claim.kind === "order" ? "metric" : `${set ?? MAIN}/${name}`;
  const [at, wrongKey] =
    set !== undefined && metric.startsWith("val_") ? ["set", false] : [written, claim.kind === "number"];
  const setNames = Object.keys(sets);
  if (set !== undefined && !setNames.includes(set)) {
    const allowed = setNames.length === 0 ? "the config has no eval.sets" : `allowed: ${setNames.join(", ")}`;
    report([at], `no set of eval.sets is called ${set}; ${allowed}${didYouMean(set, setNames)}`, wrongKey);
  } else if (!known.has(key)) report([at], unknownMetric(key, known), wrongKey);
}
