/** In which types an optimizer's state is kept. Weights and the arithmetic of the update are f32 in all of them. */
import type { Dtype } from "../graph/graph.ts";

export interface OptimizerState {
  readonly moments: Extract<Dtype, "f32" | "bf16">;
  /** The largest decay of a moment with which it still follows the gradient. */
  readonly largestDecay: number;
}

/** From the most exact to the smallest. */
export const optimizerStates = {
  f32: { moments: "f32", largestDecay: 1 },
  /**
   * Moments are rounded to nearest after each step, which moves the numbers of a run. bf16 has 8 bits of precision: a
   * moment that changes by less than a part in 512 in a step no longer moves at all, so decays must stay below 511/512.
   */
  "bf16-moments": { moments: "bf16", largestDecay: 0.998 },
} as const satisfies Record<string, OptimizerState>;

export type OptimizerStateName = keyof typeof optimizerStates;
export const optimizerStateNames = Object.keys(optimizerStates) as OptimizerStateName[];
