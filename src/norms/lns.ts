/** LayerNorm Scaling: Pre-Norm whose norm outputs are divided by sqrt(l), l = 1, 2, ... the block's number. */
import { pre } from "./pre.ts";
import { defineNorm } from "./strategy.ts";

export const lns = defineNorm({
  ...pre,
  summary: "Pre-Norm with each norm's output scaled by 1 / sqrt(depth)",
  cite: "Sun et al. 2025 (The Curse of Depth), arXiv 2502.05795",
  glyph: "l",
  block(parts, x) {
    const { norm, scale, layer } = parts;
    const scaled: typeof norm = (site) => (h) => scale(1 / Math.sqrt(layer + 1), norm(site)(h));
    return pre.block({ ...parts, norm: scaled }, x, {});
  },
});
