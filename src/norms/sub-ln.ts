/**
 * Sub-LN (Magneto): Pre-Norm with a second norm inside each sub-layer, before its output projection:
 *   Y = X + W_o N(ctx(N(X)));  X' = Y + W_down N(silu(W_gate N(Y)) * W_up N(Y)).
 */
import { defineNorm } from "./strategy.ts";

export const subLn = defineNorm({
  summary: "Pre-Norm with norms before the output projections of attention and feed-forward",
  cite: "Wang et al. 2022 (Magneto), arXiv 2210.06423; torchscale",
  glyph: "b",
  init: "magneto",
  block({ attn, ffn, norm, add }, x) {
    const y = add(x, attn(norm("attn")(x), { c: norm("c"), width: "full" }));
    return add(y, ffn(norm("ffn")(y), { hidden: norm("hidden") }));
  },
});
