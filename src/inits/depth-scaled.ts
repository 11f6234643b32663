/** Depth-Scaled: output projections s / sqrt(2 l), l = 1, 2, ... the block's number (Zhang et al. 2019). */
import { olmoInit } from "./olmo.ts";

export const depthScaled = olmoInit({
  summary: "output projections divided by sqrt(2 l) in block l",
  cite: "HybridNorm, arXiv 2503.04598, Sec. 5.4; Zhang et al. 2019, arXiv 1908.11365",
  divisor: (layer) => Math.sqrt(2 * (layer + 1)),
  headStd: (s) => s,
});
