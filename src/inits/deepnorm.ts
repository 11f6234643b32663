/** DeepNorm's init: Xavier normal, gain beta = (8L)^(-1/4) for v, o and the feed-forward matrices, gain 1 for q and k. */
import { xavierInit } from "./xavier.ts";

export const deepnorm = xavierInit({
  summary: "Xavier normal, all but q and k scaled by (8L)^(-1/4)",
  cite: "Wang et al. 2022, arXiv 2203.00555",
  gain: (layers) => (8 * layers) ** -0.25,
});
