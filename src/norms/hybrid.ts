/** HybridNorm:  Y = X + A(X) with Q, K and V each normalized;  Z = N(Y);  X' = Z + F(Z). */
import { defineNorm } from "./strategy.ts";

export const hybrid = defineNorm({
  summary: "QKV-norm inside attention, Post-Norm around the feed-forward",
  cite: "Zhuo et al. 2025, arXiv 2503.04598, Eq. 5-6",
  glyph: "H",
  init: "megatron",
  block({ attn, ffn, norm, add }, x) {
    const y = add(x, attn(x, { q: norm("q"), k: norm("k"), v: norm("v") }));
    const z = norm("ffn")(y);
    return add(z, ffn(z));
  },
});
