/** Pre-Norm with queries and keys normalized over their full projected width, before the split into heads. */
import { defineNorm } from "./strategy.ts";

export const qkNormFull = defineNorm({
  summary: "Pre-Norm with full-width norms on queries and keys",
  cite: "Muennighoff et al. 2024 (OLMoE), arXiv 2409.02060",
  glyph: "Q",
  init: "normal",
  block({ attn, ffn, norm, add }, x) {
    const y = add(x, attn(norm("attn")(x), { q: norm("q"), k: norm("k"), width: "full" }));
    return add(y, ffn(norm("ffn")(y)));
  },
});
