/** RMSNorm:  N(x) = g x / sqrt(mean(x^2) + eps). */
import { z } from "zod";
import { defineFunction, gainAt } from "./function.ts";

export const rmsnorm = defineFunction({
  summary: "the row over its root mean square, times a gain",
  cite: "Zhang & Sennrich 2019, arXiv 1910.07467; Llama",
  params: z.strictObject({}),
  apply: (verbs, x, site) => verbs.rms(x, gainAt(verbs, site)),
});
