/** What a learning-rate schedule is: the factor on the peak rate at each step. */
import type { z } from "zod";

export interface Schedule<P = unknown> {
  readonly summary: string;
  readonly params: z.ZodType<P>;
  /** Factor in [0, 1] for step t = 1 .. of a run of `steps` steps. */
  factor(t: number, steps: number, params: P): number;
}
