/** Warm-up, then the peak for ever. */
import { z } from "zod";
import type { Schedule } from "./schedule.ts";
import { warmup, warmupFields } from "./warmup.ts";

const params = z.strictObject(warmupFields);

export const constant: Schedule<z.infer<typeof params>> = {
  summary: "linear warm-up, then constant",
  params,
  factor: (t, _, p) => warmup(t, p) ?? 1,
};
