/** Arms of all factors but the learning rate: what each rate came to, and which is the arm's best. Pure. */
import { mean } from "../../lib/statistics.ts";
import type { Arm } from "../ranking/arms.ts";
import { finishedLoss } from "../ranking/evidence.ts";
import type { RunMaterial } from "./material.ts";
import { hasDiverged } from "./series.ts";

export interface Tuned {
  readonly label: string;
  readonly arm: Arm;
  readonly runsAt: (rate: number) => readonly RunMaterial[];
  /** Ascending: the runs at each rate. */
  readonly rates: readonly {
    readonly rate: number;
    readonly losses: readonly number[];
    readonly diverged: number;
  }[];
  /** The rate with the least mean, of those none of whose runs diverged where there are any. */
  readonly best?: {
    readonly rate: number;
    readonly loss: number;
    readonly n: number;
    readonly atEdge: boolean;
  };
}

/** `rateOf` says at which rate a run was trained; its factors here are without it. */
export function tuned(
  arm: Arm,
  byName: ReadonlyMap<string, RunMaterial>,
  rateOf: (run: RunMaterial) => number,
): Tuned {
  const own = arm.runs.map(({ name }) => byName.get(name)!);
  const values = [...new Set(own.map(rateOf))].filter(Number.isFinite).toSorted((a, b) => a - b);
  const runsAt = (rate: number) => own.filter((run) => rateOf(run) === rate);
  const rates = values.map((rate) => {
    const at = runsAt(rate);
    const losses = at.flatMap((run) => finishedLoss(run) ?? []);
    return { rate, losses, diverged: at.filter(hasDiverged).length };
  });
  const withLoss = rates.filter(({ losses }) => losses.length > 0);
  const whole = withLoss.filter(({ diverged }) => diverged === 0);
  const [best] = (whole.length > 0 ? whole : withLoss)
    .map(({ rate, losses }) => ({ rate, n: losses.length, loss: mean(losses) }))
    .toSorted((a, b) => a.loss - b.loss);
  const found = { label: arm.label, arm, runsAt, rates };
  if (best === undefined) return found;
  const atEdge = values.length > 1 && (best.rate === values[0] || best.rate === values.at(-1));
  return { ...found, best: { ...best, atEdge } };
}

/** Those without a best rate last. */
export const byLoss = (a: Tuned, b: Tuned): number => {
  const [x, y] = [a.best?.loss ?? Infinity, b.best?.loss ?? Infinity];
  return x === y ? 0 : x - y;
};
