/**
 * Arms of all factors but the learning rate: what each rate came to, and which is best for the arm. The one notion of an arm
 * at its best rate, of results, report and verify. Pure.
 */
import { LEARNING_RATE } from "../../config/axes.ts";
import { mean } from "../../lib/statistics.ts";
import { type Arm, groupArms, seedOf } from "./arms.ts";
import { byScore, type RankBy } from "./rank-by.ts";
import type { RankedRun } from "./ranking.ts";

export interface Tuned<R extends RankedRun = RankedRun> {
  readonly label: string;
  readonly arm: Omit<Arm, "runs"> & { readonly runs: readonly R[] };
  readonly runsAt: (rate: number) => readonly R[];
  /** Ascending: the runs at each rate. */
  readonly rates: readonly {
    readonly rate: number;
    /** Of the finished runs, in the metric that runs are ranked by. */
    readonly values: readonly number[];
    readonly diverged: number;
    /** A finished run of every seed that is swept. */
    readonly complete: boolean;
  }[];
  /** The rate with the best mean, of those that are complete; absent where none is. */
  readonly best?: {
    readonly rate: number;
    readonly value: number;
    readonly n: number;
    readonly atEdge: boolean;
  };
}

const rateOf = ({ factors }: Pick<RankedRun, "factors">): number => Number(factors[LEARNING_RATE]);

/** Whether rates are swept: at least two. */
export const sweepsRates = (runs: readonly Pick<RankedRun, "factors">[]): boolean =>
  new Set(runs.map(rateOf).filter(Number.isFinite)).size > 1;

/** In the order of the sweep. `runs`: all that it has, since a rate without a seed that another has is not complete. */
export function tunedArms<R extends RankedRun>(
  runs: readonly R[],
  sweepName: string,
  by: RankBy,
): readonly Tuned<R>[] {
  const seeds = new Set(runs.map(seedOf));
  const original = new Map(runs.map((run) => [run.name, run]));
  const others = runs.map((run) => {
    const { [LEARNING_RATE]: _, ...factors } = run.factors;
    return { ...run, factors };
  });
  return groupArms(others, sweepName).map((arm) => tuned(arm, original, by, seeds));
}

function tuned<R extends RankedRun>(
  arm: Tuned<R>["arm"],
  original: ReadonlyMap<string, R>,
  by: RankBy,
  seeds: ReadonlySet<unknown>,
): Tuned<R> {
  const own = arm.runs.map(({ name }) => original.get(name)!);
  const values = [...new Set(own.map(rateOf))].filter(Number.isFinite).toSorted((a, b) => a - b);
  const runsAt = (rate: number) => own.filter((run) => rateOf(run) === rate);
  const rates = values.map((rate) => {
    const at = runsAt(rate);
    const finished = at.filter((run) => by.scoreOf(run) !== undefined);
    return {
      rate,
      values: finished.map((run) => by.scoreOf(run)!),
      diverged: at.filter(({ status }) => status?.state === "diverged").length,
      complete: finished.length === at.length && new Set(finished.map(seedOf)).size === seeds.size,
    };
  });
  const [best] = rates
    .filter(({ complete }) => complete)
    .map((at) => ({ rate: at.rate, n: at.values.length, value: mean(at.values) }))
    .toSorted((a, b) => byScore(by, a.value, b.value));
  const found = { label: arm.label, arm, runsAt, rates };
  if (best === undefined) return found;
  const atEdge = values.length > 1 && (best.rate === values[0] || best.rate === values.at(-1));
  return { ...found, best: { ...best, atEdge } };
}

/** The best first, those without a best rate last. */
export const byBest =
  (by: RankBy) =>
  (a: Pick<Tuned, "best">, b: Pick<Tuned, "best">): number =>
    byScore(by, a.best?.value, b.best?.value);

/** Each arm that has one with the runs at its best rate alone. */
export const armsAtBest = (arms: readonly Tuned[]): readonly Arm[] =>
  arms.flatMap(({ arm, best, runsAt }) => (best === undefined ? [] : [{ ...arm, runs: runsAt(best.rate) }]));
