/** DeepNorm:  Y = N(a X + A(X));  X' = N(a Y + F(Y)),  a = (2L)^(1/4); its init scales by (8L)^(-1/4). */
import { defineNorm } from "./strategy.ts";

export const deepnorm = defineNorm({
  summary: "Post-Norm with an up-scaled residual and a down-scaled init",
  cite: "Wang et al. 2022, arXiv 2203.00555 (decoder-only)",
  glyph: "D",
  init: "deepnorm",
  block({ attn, ffn, norm, add, scale, layers }, x) {
    const a = (2 * layers) ** 0.25;
    const y = norm("attn")(add(scale(a, x), attn(x)));
    return norm("ffn")(add(scale(a, y), ffn(y)));
  },
});
