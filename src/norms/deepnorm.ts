/**
 * DeepNorm:  Y = N(a X + A(X));  X' = N(a Y + F(Y)),  a = (2L)^(1/4); its init scales by (8L)^(-1/4).
 * `alpha` gives a itself: Mix-LN's release has that of 32 layers, 8^(1/2), at every depth.
 */
import { z } from "zod";
import { defineFamily } from "./strategy.ts";

const params = z.strictObject({ alpha: z.number().positive().optional() });

export const deepnorm = defineFamily<z.infer<typeof params>>({
  summary: "Post-Norm with an up-scaled residual and a down-scaled init",
  cite: "Wang et al. 2022, arXiv 2203.00555 (decoder-only)",
  glyph: "D",
  init: "deepnorm",
  params,
  block({ attn, ffn, norm, add, scale, layers }, x, { alpha = (2 * layers) ** 0.25 }) {
    const y = norm("attn")(add(scale(alpha, x), attn(x)));
    return norm("ffn")(add(scale(alpha, y), ffn(y)));
  },
});
