/** LayerNorm without a bias:  N(x) = g c / sqrt(mean(c^2) + eps),  c = x - mean(x). */
import { z } from "zod";
import { defineFunction, gainAt } from "./function.ts";

export const layernorm = defineFunction({
  summary: "RMSNorm of the row less its mean, without a bias",
  cite: "Ba et al. 2016, arXiv 1607.06450; as RMSNorm of the centered row: HybridNorm, arXiv 2503.04598, B.5",
  params: z.strictObject({}),
  apply: (verbs, x, site) => verbs.rms(verbs.center(x), gainAt(verbs, site)),
});
