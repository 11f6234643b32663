/**
 * Post-Norm as the HybridNorm release trains it, its flags (1,1,1,1):  H = N(X);  Y = H + A(H);  G = N(Y);  X' = G + F(G).
 * True Post-Norm, moved by one norm: the embedding is normalized first, and the final norm ends the last block.
 */
import { defineNorm } from "./strategy.ts";

export const postShifted = defineNorm({
  summary: "Post-Norm shifted by half a block: norm first, residual from the normalized value",
  cite: "HybridNorm release (arXiv 2503.04598), flags 1,1,1,1",
  glyph: "S",
  init: "normal",
  block({ attn, ffn, norm, add }, x) {
    const h = norm("attn")(x);
    const g = norm("ffn")(add(h, attn(h)));
    return add(g, ffn(g));
  },
});
