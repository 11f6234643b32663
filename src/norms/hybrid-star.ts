/** HybridNorm*: HybridNorm, but block 0 is Pre-Norm on both sub-layers and keeps the QKV-norm (Eq. 7). */
import { hybrid } from "./hybrid.ts";
import { defineNorm } from "./strategy.ts";

export const hybridStar = defineNorm({
  ...hybrid,
  summary: "HybridNorm whose first block is Pre-Norm with QKV-norm",
  cite: "Zhuo et al. 2025, arXiv 2503.04598, Eq. 7",
  glyph: "*",
  block(parts, x) {
    if (parts.layer > 0) return hybrid.block(parts, x, {});
    const { attn, ffn, norm, add } = parts;
    const y = add(x, attn(norm("attn")(x), { q: norm("q"), k: norm("k"), v: norm("v") }));
    return add(y, ffn(norm("ffn")(y)));
  },
});
