/** Pre-Norm with queries and keys normalized per head before RoPE, one gain shared by all heads. */
import { defineNorm } from "./strategy.ts";

export const qkNorm = defineNorm({
  summary: "Pre-Norm with per-head norms on queries and keys",
  cite: "Henry et al. 2020, arXiv 2010.04245; HybridNorm's QK-norm baseline",
  glyph: "q",
  init: "normal",
  block({ attn, ffn, norm, add }, x) {
    const y = add(x, attn(norm("attn")(x), { q: norm("q"), k: norm("k") }));
    return add(y, ffn(norm("ffn")(y)));
  },
});
