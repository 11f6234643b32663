/**
 * Zero-centered RMSNorm:  N(x) = (1 + w) x / sqrt(mean(x^2) + eps). The same function as RMSNorm; the gain is stored as
 * its distance w from 1, which weight decay draws to 0: gains are pulled to 1 and cannot grow without bound.
 */
import { z } from "zod";
import { defineFunction } from "./function.ts";

export const rmsnormZeroCentered = defineFunction({
  summary: "RMSNorm whose gain is stored as 1 + w, so that weight decay draws it to 1",
  cite: "Gemma, arXiv 2403.08295; Qwen3-Next; Megatron-LM layernorm_zero_centered_gamma",
  params: z.strictObject({}),
  apply({ rms, vector, add, constant }, x, { gain = 1 }) {
    if (gain === "none") return rms(x);
    const w = vector("weight", { symbol: "w", role: "norm_offset", initial: gain - 1 });
    return rms(x, add(constant(1, w), w));
  },
});
