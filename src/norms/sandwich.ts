/** Sandwich-LN:  Y = X + N(A(N(X)));  X' = Y + N(F(N(Y))). */
import { defineNorm } from "./strategy.ts";

export const sandwich = defineNorm({
  summary: "norm before and after each sub-layer, inside the residual",
  cite: "Ding et al. 2021 (CogView), arXiv 2105.13290",
  glyph: "W",
  init: "normal",
  block({ attn, ffn, norm, add }, x) {
    const y = add(x, norm("attn_out")(attn(norm("attn")(x))));
    return add(y, norm("ffn_out")(ffn(norm("ffn")(y))));
  },
});
