/** RMSNorm without a gain:  N(x) = x / sqrt(mean(x^2) + eps), whatever gain a strategy asks for. */
import { z } from "zod";
import { defineFunction } from "./function.ts";

export const rmsnormGainFree = defineFunction({
  summary: "RMSNorm without learned parameters",
  cite: "nanochat, modded-nanogpt; OLMo's non-parametric norm, arXiv 2402.00838, is its LayerNorm twin",
  params: z.strictObject({}),
  apply: ({ rms }, x) => rms(x),
});
