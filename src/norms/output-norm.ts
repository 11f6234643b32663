/** OutputNorm (OLMo 2's reordered norm, without its QK-norm):  Y = X + N(A(X));  X' = Y + N(F(Y)). */
import { defineNorm } from "./strategy.ts";

export const outputNorm = defineNorm({
  summary: "norm on each branch's output, before the residual add",
  cite: "OLMo et al. 2024, arXiv 2501.00656; Liu et al. 2022 (Swin v2)",
  glyph: "o",
  init: "normal",
  block({ attn, ffn, norm, add }, x) {
    const y = add(x, norm("attn_out")(attn(x)));
    return add(y, norm("ffn_out")(ffn(y)));
  },
});
