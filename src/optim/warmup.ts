/** Linear warm-up, shared by the schedules: from a fraction of the peak, reaching the peak at step `warmup_steps`. */
import { z } from "zod";

export const warmupFields = {
  warmup_steps: z.int().min(0).default(0),
  /** Fraction of the peak at step 0: 0 in HybridNorm's dense runs, 0.1 in its MoE runs. */
  warmup_from: z.number().min(0).max(1).default(0),
};

/** The factor during warm-up, or undefined once it is over. */
export function warmup(t: number, p: { warmup_steps: number; warmup_from: number }): number | undefined {
  if (t >= p.warmup_steps) return undefined;
  return p.warmup_from + (1 - p.warmup_from) * (t / p.warmup_steps);
}
