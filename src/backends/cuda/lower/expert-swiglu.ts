/** The experts' gate and up products with SwiGLU behind them, in one launch (fuse/expert-swiglu.ts). */
import type { ExpertSwigluAttrs } from "../fuse/expert-swiglu.ts";
import { mostTiles, persistent, TILE, tilingFor } from "./grouped-tiles.ts";
import type { Lowering } from "./lowering.ts";

export const expertSwiglu: Lowering<ExpertSwigluAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => (i === 1 || i === 2 ? "i32" : "bf16")),
  writes: ({ outputs }) => outputs.map(() => "bf16"),
  lower(ctx, { inputs: [x, order, counts, ...weights], outputs: [h, gate, up], attrs: { k } }) {
    const [slots, outer] = h!.shape as [number, number];
    const [experts, inner] = [counts!.shape[0]!, x!.shape[1]!];
    const tiling = tilingFor(ctx, "grouped-swiglu", [inner, outer]);
    ctx.launch({
      file: "grouped-swiglu.cu",
      kernel: "groupedSwiglu",
      define: { ...tiling, EXPERTS: experts, INNER: inner, OUTER: outer, TOP_K: k },
      // Half of a tile's columns are the gate's.
      ...persistent(ctx, tiling, mostTiles(slots, experts, outer, TILE / 2), ["along", "along"]),
      args: [
        ...[x!, order!, counts!].map((t) => ctx.view(t)),
        { pointers: weights.map((w) => ctx.view(w)) },
        ...[h, gate, up].map((t) => (t === undefined ? null : ctx.view(t))),
      ],
    });
  },
};
