/** Megatron: output projections s / sqrt(2 L). HybridNorm's choice for itself; its code gives an untied head 1/sqrt(d). */
import { olmoInit } from "./olmo.ts";

export const megatron = olmoInit({
  summary: "output projections divided by sqrt(2 L)",
  cite: "Shoeybi et al. 2019, arXiv 1909.08053; HybridNorm release (full_megatron)",
  divisor: (_, layers) => Math.sqrt(2 * layers),
  headStd: (_, dModel) => 1 / Math.sqrt(dModel),
});
