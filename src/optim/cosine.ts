/**
 * Warm-up, then half a cosine from the peak to a floor at the horizon, then the floor:
 *   factor = floor + (1 - floor) (1 + cos(pi u)) / 2,  u = (t - warmup) / (horizon - warmup).
 */
import { z } from "zod";
import type { Schedule } from "./schedule.ts";
import { warmup, warmupFields } from "./warmup.ts";

const params = z.strictObject({
  ...warmupFields,
  /** Fraction of the peak the cosine ends at. */
  floor: z.number().min(0).max(1).default(0.1),
  /** Step at which the floor is reached; default: the run's last. OLMoE's lies far behind it. */
  horizon_steps: z.int().min(1).optional(),
});

export const cosine: Schedule<z.infer<typeof params>> = {
  summary: "linear warm-up, then a cosine to a floor",
  params,
  factor(t, steps, p) {
    const rising = warmup(t, p);
    if (rising !== undefined) return rising;
    const span = Math.max(1, (p.horizon_steps ?? steps) - p.warmup_steps);
    const u = Math.min(1, (t - p.warmup_steps) / span);
    return p.floor + ((1 - p.floor) * (1 + Math.cos(Math.PI * u))) / 2;
  },
};
