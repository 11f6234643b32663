/**
 * The numbers that a run's evaluations give, by the names that `eval.rank_by` and `expect:` call them: METRIC of the corpus's
 * own validation split, SET/METRIC of one of `eval.sets`.
 */
import { DEFAULT_PROTOCOL, metricsOf, type ProtocolSelection } from "../protocols/index.ts";
import type { Metric } from "../protocols/metric.ts";
import { didYouMean } from "./wording.ts";

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
  const of = (split: string, protocol: ProtocolSelection) =>
    Object.entries(metricsOf(protocol)).map(
      ([name, metric]) => [metricKey(split, name), { name, split, metric }] as const,
    );
  return new Map([
    ...of(MAIN, DEFAULT_PROTOCOL),
    ...Object.entries(sets).flatMap(([split, { protocol }]) => of(split, protocol)),
  ]);
}

/** `loss`, `wikipedia/loss`. */
export const metricKey = (split: string, name: string): string =>
  split === MAIN ? name : `${split}/${name}`;

/** `wikipedia/loss` -> its two parts; `loss` and `validation/loss` are of the main split. */
export function splitKey(key: string): Pick<EvaluationMetric, "split" | "name"> {
  const at = key.lastIndexOf("/");
  return at < 0 ? { split: MAIN, name: key } : { split: key.slice(0, at), name: key.slice(at + 1) };
}

/** What is wrong with a name that is none of these. */
export function unknownMetric(key: string, known: ReadonlyMap<string, EvaluationMetric>): string {
  const names = [...known.keys()];
  const ofSet = names.find((name) => name.endsWith(`/${key}`));
  const hint = ofSet === undefined ? didYouMean(key, names) : `; did you mean ${ofSet}?`;
  return `no evaluation gives the metric ${key}; allowed: ${names.join(", ")}${hint}`;
}
