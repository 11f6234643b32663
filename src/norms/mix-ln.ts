/**
 * Mix-LN(alpha): the first P = floor(alpha L) blocks are Post-Norm, the rest Pre-Norm. Nothing stands between them.
 * `post_layers` gives P itself. The tiny addend keeps alpha = P/L, rounded in binary, from losing a layer.
 */
import { z } from "zod";
import { post } from "./post.ts";
import { pre } from "./pre.ts";
import { defineFamily } from "./strategy.ts";

const params = z
  .strictObject({ alpha: z.number().min(0).max(1).optional(), post_layers: z.int().min(0).optional() })
  .refine(
    (p) => (p.alpha === undefined) !== (p.post_layers === undefined),
    "needs either alpha or post_layers, not both",
  );
type MixLnParams = z.infer<typeof params>;

const postLayers = (p: MixLnParams, layers: number): number =>
  p.post_layers ?? Math.floor((p.alpha ?? 0) * layers + 1e-9);

export const mixLn = defineFamily<MixLnParams>({
  summary: "the first alpha L blocks Post-Norm, the rest Pre-Norm",
  cite: "Li et al. 2024, arXiv 2412.13795",
  glyph: "m",
  init: "mix-ln",
  params,
  example: { alpha: 0.25 },
  check: (p, layers) =>
    postLayers(p, layers) > layers
      ? `post_layers is ${postLayers(p, layers)}, but there are ${layers} layers`
      : undefined,
  block: (parts, x, p) => (parts.layer < postLayers(p, parts.layers) ? post : pre).block(parts, x, {}),
});
