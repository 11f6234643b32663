/** Normal: std s for every matrix. HybridNorm's choice for Pre-Norm. */
import { olmoInit } from "./olmo.ts";

export const normal = olmoInit({
  summary: "one std for every matrix",
  cite: "HybridNorm, arXiv 2503.04598, Sec. 5.4",
  divisor: () => 1,
  headStd: (s) => s,
});
