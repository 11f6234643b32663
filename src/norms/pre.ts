/** Pre-Norm:  Y = X + A(N(X));  X' = Y + F(N(Y)). */
import { defineNorm } from "./strategy.ts";

export const pre = defineNorm({
  summary: "norm before each sub-layer, outside the residual",
  cite: "Xiong et al. 2020, arXiv 2002.04745; Llama",
  glyph: "r",
  init: "normal",
  block({ attn, ffn, norm, add }, x) {
    const y = add(x, attn(norm("attn")(x)));
    return add(y, ffn(norm("ffn")(y)));
  },
});
