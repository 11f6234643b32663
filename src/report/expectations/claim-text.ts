/** Claims and what was measured, in words. */
import { bareName, type Claim, type Pattern } from "../../config/expect.ts";
import { metrics } from "../../protocols/index.ts";
import { LIKELIHOOD } from "../../protocols/likelihood.ts";
import type { Metric } from "../../protocols/metric.ts";
import { factorText } from "../ranking/ranking.ts";

/** What the runs of an arm say to a claim, whatever is known of it. */
export interface Judgement {
  readonly verdict: "met" | "missed" | "not finished";
  /** In words; `-` where nothing was. */
  readonly measured: string;
  /** The mean over finished runs, in the metric's unit; of an order, by how much the arm is better. */
  readonly value?: number;
  /** Runs (of an order: pairs of them) that the value is the mean of, of how many. */
  readonly n: number;
  readonly of: number;
  /** The value less the published one, or less the bound that it is beyond. */
  readonly delta?: number;
  readonly standardErrors?: number;
  readonly note?: string;
}

/** What a claim's metric is; the training loss is as the others are. */
export const metricOf = (metric: string): Metric => metrics.get(bareName(metric)) ?? LIKELIHOOD.loss;

/** `val_ppl`, `val_loss on wikipedia`, `outcome`. */
export function claimSubject(claim: Claim): string {
  if (claim.kind === "outcome" || claim.kind === "stuck") return "outcome";
  const { metric = "val_loss" } = claim;
  return claim.set === undefined ? metric : `${metric} on ${claim.set}`;
}

/** `26.78 +- 0.3`, `1.2 to 2.5`, `better than pre`. `than`: the label of the other arm. */
export function claimText(claim: Claim, than?: string): string {
  if (claim.kind === "outcome") return claim.diverges ? "diverges" : "does not diverge";
  if (claim.kind === "stuck")
    return claim.stuck ? "stuck at token frequencies" : "learns more than token frequencies";
  if (claim.kind === "order") {
    const other = than ?? patternText(claim.than);
    return claim.by === 0 ? `better than ${other}` : `better than ${other} by ${claim.by}`;
  }
  const { value, low, high } = claim;
  if (value !== undefined) return `${value} +- ${Number((high! - value).toPrecision(3))}`;
  if (low === undefined) return `at most ${high}`;
  return high === undefined ? `at least ${low}` : `${low} to ${high}`;
}

/** `norm pre, train.lr 0.001`. */
export const patternText = (pattern: Pattern = {}): string =>
  Object.entries(pattern)
    .map(([key, value]) => `${key} ${factorText(value)}`)
    .join(", ") || "every arm";
