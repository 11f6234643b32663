/** HybridNorm whose block 0 is  Y = X + A_QKV(X);  X' = Y + F(N(Y))  (Eq. 10, a first-block alternative of Fig. 5). */
import { hybrid } from "./hybrid.ts";
import { defineNorm } from "./strategy.ts";

export const firstQkvPre = defineNorm({
  ...hybrid,
  summary: "HybridNorm whose first feed-forward is Pre-Norm",
  cite: "Zhuo et al. 2025, arXiv 2503.04598, Eq. 10",
  glyph: "F",
  block(parts, x) {
    if (parts.layer > 0) return hybrid.block(parts, x, {});
    const { attn, ffn, norm, add } = parts;
    const y = add(x, attn(x, { q: norm("q"), k: norm("k"), v: norm("v") }));
    return add(y, ffn(norm("ffn")(y)));
  },
});
