/** Tokens' rows to the experts and back, in bf16, with the router's weights in f32. */
import type { Tensor } from "../../../graph/graph.ts";
import type { DispatchAttrs } from "../../../ops/dispatch.ts";
import { BLOCK, blocksFor, packOf } from "./launches.ts";
import { type Arg, type Context, i32, type Lowering } from "./lowering.ts";
import { WARP_ROWS } from "./router.ts";

type Attrs = Readonly<Record<never, never>>;

export const dispatch: Lowering<DispatchAttrs> = {
  reads: () => ["bf16", "i32", "i32"],
  writes: () => ["bf16"],
  lower(ctx, { inputs: [x, order], outputs: [xs], attrs: { k } }) {
    launchPacks(ctx, "dispatch", xs!, k, [ctx.view(x!), ctx.view(order!)]);
  },
};

export const gatherSum: Lowering<DispatchAttrs> = {
  reads: () => ["bf16", "i32"],
  writes: () => ["bf16"],
  lower(ctx, { inputs: [dxs, position], outputs: [dx], attrs: { k } }) {
    launchPacks(ctx, "gatherSum", dx!, k, [ctx.view(dxs!), ctx.view(position!)]);
  },
};

export const combine: Lowering<Attrs> = {
  reads: () => ["bf16", "f32", "i32", "i32"],
  writes: () => ["bf16"],
  lower(ctx, { inputs: [ys, weights, , position], outputs: [y] }) {
    const args = [ys!, weights!, position!].map((t) => ctx.view(t));
    launchPacks(ctx, "combine", y!, weights!.shape[1]!, args);
  },
};

export const combineGrad: Lowering<Attrs> = {
  reads: () => ["bf16", "bf16", "f32", "i32", "i32"],
  writes: () => ["bf16", "f32"],
  lower(ctx, { inputs: [dy, ys, weights, , position], outputs: [dys, dweights] }) {
    const [slots, width] = ys!.shape as [number, number];
    ctx.launch({
      file: "moe-rows.cu",
      kernel: "combineGrad",
      define: { WIDTH: width, TOP_K: weights!.shape[1]! },
      grid: Math.ceil(slots / WARP_ROWS),
      block: BLOCK,
      args: [...[dy!, ys!, weights!, position!, dys!, dweights!].map((t) => ctx.view(t)), i32(slots)],
    });
  },
};

/** A thread for each pack of the output. */
function launchPacks(ctx: Context, kernel: string, out: Tensor, k: number, inputs: readonly Arg[]): void {
  const [rows, width] = out.shape as [number, number];
  ctx.launch({
    file: "moe-rows.cu",
    kernel,
    define: { WIDTH: width, TOP_K: k },
    grid: blocksFor((rows * width) / packOf(width)),
    block: BLOCK,
    args: [...inputs, ctx.view(out), i32(rows)],
  });
}
