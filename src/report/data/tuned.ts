/** Arms of all factors but the learning rate: what each rate came to, and which is best for the arm. Pure. */
import { mean } from "../../lib/statistics.ts";
import type { Arm } from "../ranking/arms.ts";
import { byScore, type RankBy } from "../ranking/rank-by.ts";
import type { RunData } from "./report-data.ts";
import { hasDiverged } from "./series.ts";

export interface Tuned {
  readonly label: string;
  readonly arm: Arm;
  readonly runsAt: (rate: number) => readonly RunData[];
  /** Ascending: the runs at each rate. */
  readonly rates: readonly {
    readonly rate: number;
    /** Of the finished runs, in the metric that runs are ranked by. */
    readonly values: readonly number[];
    readonly diverged: number;
  }[];
  /** The rate with the best mean, of those none of whose runs diverged where there are any. */
  readonly best?: {
    readonly rate: number;
    readonly value: number;
    readonly n: number;
    readonly atEdge: boolean;
  };
}

/** `rateOf` says at which rate a run was trained; its factors here are without it. */
export function tuned(
  arm: Arm,
  byName: ReadonlyMap<string, RunData>,
  rateOf: (run: RunData) => number,
  by: RankBy,
): Tuned {
  const own = arm.runs.map(({ name }) => byName.get(name)!);
  const values = [...new Set(own.map(rateOf))].filter(Number.isFinite).toSorted((a, b) => a - b);
  const runsAt = (rate: number) => own.filter((run) => rateOf(run) === rate);
  const rates = values.map((rate) => {
    const at = runsAt(rate);
    const found = at.flatMap((run) => by.scoreOf(run) ?? []);
    return { rate, values: found, diverged: at.filter(hasDiverged).length };
  });
  const withValue = rates.filter((at) => at.values.length > 0);
  const whole = withValue.filter(({ diverged }) => diverged === 0);
  const [best] = (whole.length > 0 ? whole : withValue)
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
  (a: Tuned, b: Tuned): number =>
    byScore(by, a.best?.value, b.best?.value);
