/**
 * The grid of HybridNorm's Appendix G, as its release's flags span it:
 *   H = N(X) or X;  R = H (post) or X;  Y = R + A(H), with any of q, k, v, c normalized inside;
 *   G = N(Y);       S = G (post) or Y;  X' = S + F(G).
 * Pre-Norm is pre/pre, HybridNorm none/qkv/post, the shifted Post-Norm post/post.
 */
import { z } from "zod";
import { defineFamily } from "./strategy.ts";

const INNER = ["q", "k", "v", "c"] as const;

const params = z.strictObject({
  attn: z.enum(["none", "pre", "post"]),
  inner: z
    .string()
    .regex(/^(?!.*(.).*\1)[qkvc]*$/i, "letters of q, k, v, c, each at most once, or empty")
    .transform((letters) => letters.toLowerCase())
    .default(""),
  ffn: z.enum(["pre", "post"]),
});
type PlacementParams = z.infer<typeof params>;

export const placement = defineFamily<PlacementParams>({
  summary: "any placement of HybridNorm's Appendix G: attn none|pre|post, inner q, k, v, c, ffn pre|post",
  cite: "Zhuo et al. 2025, arXiv 2503.04598, Appendix G",
  glyph: "g",
  init: "megatron",
  params,
  example: { attn: "none", inner: "qkv", ffn: "post" },
  block({ attn, ffn, norm, add }, x, p) {
    const inner = Object.fromEntries(INNER.filter((s) => p.inner.includes(s)).map((s) => [s, norm(s)]));
    const h = p.attn === "none" ? x : norm("attn")(x);
    const y = add(p.attn === "post" ? h : x, attn(h, inner));
    const g = norm("ffn")(y);
    return add(p.ffn === "post" ? g : y, ffn(g));
  },
});
