/** The experts' gate and up products with SwiGLU behind them, in one launch (fuse/expert-swiglu.ts). */
import type { ExpertSwigluAttrs } from "../fuse/expert-swiglu.ts";
import type { Lowering } from "../lowering.ts";
import { ALONG, mostTiles, persistent, TILING } from "./grouped-matmul.ts";

export const expertSwiglu: Lowering<ExpertSwigluAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => (i === 1 || i === 2 ? "i32" : "bf16")),
  writes: ({ outputs }) => outputs.map(() => "bf16"),
  lower(ctx, { inputs: [x, order, counts, ...weights], outputs: [h, gate, up], attrs: { k } }) {
    const [slots, outer] = h!.shape as [number, number];
    const experts = counts!.shape[0]!;
    ctx.launch({
      file: "grouped-swiglu.cu",
      kernel: "groupedSwiglu",
      define: { ...TILING, EXPERTS: experts, INNER: x!.shape[1]!, OUTER: outer, TOP_K: k },
      // Half of a tile's columns are the gate's.
      ...persistent(ctx, mostTiles(slots, experts, outer, TILING.TILE / 2), ALONG, ALONG),
      args: [
        ...[x!, order!, counts!].map((t) => ctx.region(t)),
        { pointers: weights.map((w) => ctx.region(w)) },
        ...[h, gate, up].map((t) => (t === undefined ? null : ctx.region(t))),
      ],
    });
  },
};
