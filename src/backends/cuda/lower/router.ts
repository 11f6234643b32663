/** What a router makes of its scores, row by row and all in f32: probabilities, the largest of them, shares of those. */
import { size, type TensorType } from "../../../graph/graph.ts";
import { lastOf } from "../../../ops/define.ts";
import type { TopKAttrs, TopKGradAttrs } from "../../../ops/top-k.ts";
import { BLOCK, blocksFor } from "./launches.ts";
import { type Arg, type Context, i32, type Lowering } from "./lowering.ts";

type Attrs = Readonly<Record<never, never>>;

/** Rows that a block takes: a warp each. */
export const WARP_ROWS = BLOCK / 32;

export const softmax: Lowering<Attrs> = {
  reads: () => ["f32"],
  writes: () => ["f32"],
  inPlace: true,
  lower(ctx, { inputs: [x], outputs: [p] }) {
    launchRows(ctx, "routerSoftmax", x!, [ctx.view(x!), ctx.view(p!)]);
  },
};

export const normalizeRows: Lowering<Attrs> = {
  reads: () => ["f32"],
  writes: () => ["f32"],
  lower(ctx, { inputs: [w], outputs: [y] }) {
    launchRows(ctx, "normalizeRows", w!, [ctx.view(w!), ctx.view(y!)]);
  },
};

export const normalizeRowsGrad: Lowering<Attrs> = {
  reads: () => ["f32", "f32"],
  writes: () => ["f32"],
  inPlace: true,
  lower(ctx, { inputs: [dy, w], outputs: [dw] }) {
    launchRows(ctx, "normalizeRowsGrad", w!, [ctx.view(dy!), ctx.view(w!), ctx.view(dw!)]);
  },
};

function launchRows(ctx: Context, kernel: string, like: TensorType, views: readonly Arg[]): void {
  const rows = size(like.shape) / lastOf(like);
  const define = { WIDTH: lastOf(like) };
  const grid = Math.ceil(rows / WARP_ROWS);
  ctx.launch({ file: "router.cu", kernel, define, grid, block: BLOCK, args: [...views, i32(rows)] });
}

export const topK: Lowering<TopKAttrs> = {
  reads: () => ["f32"],
  writes: () => ["f32", "i32"],
  lower(ctx, { inputs: [p], outputs, attrs: { k } }) {
    const [rows, width] = p!.shape as [number, number];
    ctx.launch({
      file: "top-k.cu",
      kernel: "topK",
      define: { WIDTH: width, TOP_K: k },
      grid: Math.ceil(rows / WARP_ROWS),
      block: BLOCK,
      args: [ctx.view(p!), ...outputs.map((t) => ctx.view(t)), i32(rows)],
    });
  },
};

export const topKGrad: Lowering<TopKGradAttrs> = {
  reads: () => ["f32", "i32"],
  writes: () => ["f32"],
  lower(ctx, { inputs: [dvalues, experts], outputs: [dp], attrs: { columns } }) {
    const [rows, k] = dvalues!.shape as [number, number];
    ctx.launch({
      file: "top-k.cu",
      kernel: "topKGrad",
      define: { WIDTH: columns, TOP_K: k },
      grid: blocksFor(rows * columns),
      block: BLOCK,
      args: [ctx.view(dvalues!), ctx.view(experts!), ctx.view(dp!), i32(rows)],
    });
  },
};
