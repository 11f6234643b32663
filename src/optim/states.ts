/** In which types an optimizer's state is kept. Weights and the arithmetic of the update are f32 in all of them. */
import type { Dtype } from "../graph/graph.ts";

export interface OptimizerState {
  readonly moments: Extract<Dtype, "f32" | "bf16">;
}

/** From the most exact to the smallest. */
export const optimizerStates = {
  f32: { moments: "f32" },
  /**
   * Moments are rounded to nearest after each step, which moves the numbers of a run. A moment that changes by less
   * than a part in 512 in a step no longer moves at all: betas belong below 0.998.
   */
  "bf16-moments": { moments: "bf16" },
} as const satisfies Record<string, OptimizerState>;

export type OptimizerStateName = keyof typeof optimizerStates;
export const optimizerStateNames = Object.keys(optimizerStates) as OptimizerStateName[];
