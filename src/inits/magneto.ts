/** Magneto's init: Xavier normal, gain sqrt(ln 2L) for v, o and the feed-forward matrices, gain 1 for q and k. */
import { xavierInit } from "./xavier.ts";

export const magneto = xavierInit({
  summary: "Xavier normal, all but q and k scaled by sqrt(ln 2L)",
  cite: "Wang et al. 2022 (Magneto), arXiv 2210.06423",
  gain: (layers) => Math.sqrt(Math.log(2 * layers)),
});
