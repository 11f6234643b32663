/**
 * Dynamic Tanh:  N(x) = g tanh(a x) + b, a one learned number per site; no statistics of the row at all.
 * In language models its source has no b, starts a higher at attention's norms than elsewhere, and multiplies the embedding
 * by one learned number that starts at sqrt(d): 0.8 / 0.2 at 7B, 0.6 / 0.15 at 13B, 0.2 / 0.05 at 34B and 70B.
 */
import { z } from "zod";
import { defineFunction, gainAt } from "./function.ts";

const params = z.strictObject({
  /** First value of a. */
  alpha: z.number().positive().default(0.5),
  /** The same at the norms of attention; default: alpha. */
  alpha_attn: z.number().positive().optional(),
  /** Whether there is a b. */
  bias: z.boolean().default(false),
  /** Whether the embedding is multiplied by a learned number. */
  embed_scale: z.boolean().default(true),
});

export const dyt = defineFunction<z.infer<typeof params>>({
  summary: "a learned tanh in place of a norm: no statistics",
  cite: "Zhu et al. 2025, arXiv 2503.10622",
  params,
  apply(verbs, x, site, { alpha, alpha_attn = alpha, bias }) {
    const { vector, scalar, mul, add, tanh } = verbs;
    const initial = site.sublayer === "attn" ? alpha_attn : alpha;
    const a = scalar("alpha", { symbol: "a", role: "norm_scale", initial });
    const y = tanh(mul(a, x));
    const g = gainAt(verbs, site);
    const scaled = g === undefined ? y : mul(g, y);
    return bias ? add(scaled, vector("bias", { symbol: "b", role: "norm_bias", initial: 0 })) : scaled;
  },
  embed({ scalar, mul }, x, width, { embed_scale }) {
    if (!embed_scale) return x;
    return mul(scalar("scale", { symbol: "s", role: "norm_scale", initial: Math.sqrt(width) }), x);
  },
});
