/**
 * What the runs of a sweep are ranked by: one metric of one of their evaluations, and which way it is better. It is the
 * validation loss unless `eval.rank_by` or the command line says otherwise.
 */
import {
  type EvaluationMetric,
  evaluationMetrics,
  MAIN,
  metricKey,
} from "../../config/evaluation-metrics.ts";
import type { Metric } from "../../protocols/metric.ts";
import { evaluationScores, type ScoreOf } from "./evaluation-scores.ts";
import type { RankedRun } from "./ranking.ts";

export interface RankBy {
  /** As `eval.rank_by` has it: `loss`, `wikipedia/bits_per_byte`. */
  readonly name: string;
  /** In a sentence: `validation loss`. */
  readonly noun: string;
  /** Over a column: `val loss`. */
  readonly title: string;
  readonly metric: Metric;
  /** The validation loss, which every table shows anyway. */
  readonly isDefault: boolean;
  /** A finished run's; undefined where it is not done or has no such number. */
  scoreOf(run: Pick<RankedRun, "name" | "status">): number | undefined;
  /** What it was trained and judged on: runs of different data are not ranked. */
  dataOf(run: Pick<RankedRun, "name" | "status">): string | undefined;
  /** The hash of the tokens that were predicted: numbers of other tokens, or of longer sequences of them, do not compare. */
  measuredOn(run: Pick<RankedRun, "name" | "status">): string | undefined;
}

/** What a run's set was evaluated on, where it is not its own validation split. */
export interface SetFacts {
  readonly data_fingerprint?: string;
  /** Of the rows of tokens. */
  readonly sha256?: string;
}

/** `setFacts`: of a run, by its name. */
export function rankBy(
  { name, split, metric }: EvaluationMetric,
  scoreOf: ScoreOf,
  setFacts: (run: string) => SetFacts = () => ({}),
): RankBy {
  const key = metricKey(split, name);
  const main = split === MAIN;
  return {
    name: key,
    noun: main ? `validation ${name}` : key,
    title: main ? `val ${metric.title ?? name}` : key,
    metric,
    isDefault: key === "loss",
    scoreOf(run) {
      const value = scoreOf(run, split, name);
      return Number.isFinite(value) ? value : undefined;
    },
    dataOf({ name: run, status }) {
      const trained = status?.data_fingerprint;
      const judged = trained === undefined ? undefined : setFacts(run).data_fingerprint;
      return judged === undefined || judged === trained ? trained : `${trained}+${judged}`;
    },
    measuredOn: ({ name: run, status }) => (main ? status?.validation_sha256 : setFacts(run).sha256),
  };
}

const loss = evaluationMetrics().get("loss")!;
export const VALIDATION_LOSS: RankBy = rankBy(
  loss,
  evaluationScores(() => []),
);

/** Of what is ranked: negative where a is better than b; what has no value comes last. */
export function byScore({ metric }: RankBy, a: number | undefined, b: number | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return metric.better === "lower" ? a - b : b - a;
}

/** Whether a difference, what is compared less what it is compared with, is for the worse. */
export const isWorse = ({ metric }: RankBy, difference: number): boolean =>
  metric.better === "lower" ? difference > 0 : difference < 0;

/** ` nats per token`; nothing for a number without a unit, or a fraction. */
export const unitWords = ({ unit }: Metric): string =>
  unit.includes("/") ? ` ${unit.replace("/", " per ")}` : "";

/** What of the unit a difference or a deviation is in: ` nats`. */
export const amountUnit = ({ unit }: Metric): string => (unit.includes("/") ? ` ${unit.split("/")[0]}` : "");
