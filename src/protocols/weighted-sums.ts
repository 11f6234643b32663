/** A row's predictions added up, each times its weight: of a choice's continuation, its log-probability and whether all of it is greedy. */
import type { ScoredRow } from "./protocol.ts";

export interface WeightedSums {
  readonly weight: number;
  /** - sum w log p. */
  readonly nats: number;
  /** Equal to `weight` where every prediction that counts is correct. */
  readonly correct: number;
}

export function weightedSums({ weights, losses, correct }: ScoredRow): WeightedSums {
  const sums = { weight: 0, nats: 0, correct: 0 };
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    if (weight === 0) continue; // whatever its loss is, even one that is not a number
    sums.weight += weight;
    sums.nats += weight * (losses[i] ?? 0);
    sums.correct += weight * (correct[i] ?? 0);
  }
  return sums;
}
