/** Post-Norm:  Y = N(X + A(X));  X' = N(Y + F(Y)). */
import { defineNorm } from "./strategy.ts";

export const post = defineNorm({
  summary: "norm after each residual add",
  cite: "Vaswani et al. 2017, arXiv 1706.03762; HybridNorm Eq. 3",
  glyph: "P",
  init: "normal",
  block({ attn, ffn, norm, add }, x) {
    const y = norm("attn")(add(x, attn(x)));
    return norm("ffn")(add(y, ffn(y)));
  },
});
