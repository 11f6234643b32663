/**
 * The numbers that a run's evaluations give, by the names that `eval.rank_by` and `expect:` call them: METRIC of the corpus's
 * own validation split, SET/METRIC of one of `eval.sets`.
 */
import { DEFAULT_PROTOCOL, metricsOf, type ProtocolSelection } from "../protocols/index.ts";
import type { Metric } from "../protocols/metric.ts";

/** The corpus's own validation split under the usual protocol, as the column `split` has it. */
export const MAIN = "validation";

export interface EvaluationMetric {
  /** `accuracy` */
  readonly name: string;
  /** `MAIN`, or one of `eval.sets`. */
  readonly split: string;
  readonly metric: Metric;
}

type Sets = Readonly<Record<string, { readonly protocol: ProtocolSelection }>>;

/** In the order of the sets: the main ones first, under their bare names. */
export function evaluationMetrics(sets: Sets = {}): ReadonlyMap<string, EvaluationMetric> {
  const of = (split: string, protocol: ProtocolSelection, prefix: string) =>
    Object.entries(metricsOf(protocol)).map(
      ([name, metric]) => [`${prefix}${name}`, { name, split, metric }] as const,
    );
  return new Map([
    ...of(MAIN, DEFAULT_PROTOCOL, ""),
    ...Object.entries(sets).flatMap(([split, { protocol }]) => of(split, protocol, `${split}/`)),
  ]);
}
