/**
 * The Mix-LN release's init: N(0, 0.02) untruncated, the embedding N(0, sqrt(2/5)). The release also zeroes the
 * embedding's last row, where it pads; here nothing is padded, and the last row is a token like any other.
 * Whether the published table used 0.632 or 0.02 for the embedding is not known: `embedding_std` says.
 */
import { z } from "zod";
import { type Distribution, defineInit, writesResidual } from "./scheme.ts";

const params = z.strictObject({
  std: z.number().positive().default(0.02),
  embedding_std: z
    .number()
    .positive()
    .default(Math.sqrt(2 / 5)),
  /** Output projections of this block and all later ones get std / sqrt(2 L): P for `scale_post_pre`, 0 for `scale_pre`. */
  scaled_from_layer: z.int().min(0).optional(),
});

export const mixLn = defineInit<z.infer<typeof params>>({
  summary: "N(0, 0.02) everywhere, a wide embedding",
  cite: "Mix-LN release (arXiv 2412.13795), _init_weights",
  params,
  distribution(target, { n_layers }, p): Distribution {
    if (target.role === "embedding") return { std: p.embedding_std };
    const scaled = writesResidual(target) && (target.layer ?? 0) >= (p.scaled_from_layer ?? Infinity);
    return { std: scaled ? p.std / Math.sqrt(2 * n_layers) : p.std };
  },
});
