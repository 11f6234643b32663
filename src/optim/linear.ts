/** Warm-up, then a straight line from the peak to a floor at the run's last step. */
import { z } from "zod";
import type { Schedule } from "./schedule.ts";
import { warmup, warmupFields } from "./warmup.ts";

const params = z.strictObject({ ...warmupFields, floor: z.number().min(0).max(1).default(0) });

export const linear: Schedule<z.infer<typeof params>> = {
  summary: "linear warm-up, then linear decay to a floor",
  params,
  factor(t, steps, p) {
    const u = Math.min(1, (t - p.warmup_steps) / Math.max(1, steps - p.warmup_steps));
    return warmup(t, p) ?? 1 - (1 - p.floor) * u;
  },
};
