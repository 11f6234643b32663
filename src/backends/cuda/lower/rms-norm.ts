/** RMSNorm, its gradient, and both together with the residual stream's additions that stand beside them. */
import { size, type TensorType } from "../../../graph/graph.ts";
import { lastOf } from "../../../ops/define.ts";
import type { RmsNormAttrs } from "../../../ops/rms-norm.ts";
import type { BufferView } from "../memory/buffer.ts";
import { typeOf } from "./launches.ts";
import { type Context, f32, i32, type Lowering } from "./lowering.ts";
import { backwardShape, forwardUnroll, rowDefines } from "./rows.ts";

export const rmsNorm: Lowering<RmsNormAttrs> = {
  reads: () => ["any", "f32"],
  writes: () => ["asked", "f32"],
  lower(ctx, { inputs: [x, gain], outputs: [y, r], attrs: { eps } }) {
    launchRmsNorm(ctx, x!, { x: ctx.view(x!) }, ctx.view(gain!), ctx.view(y!), ctx.view(r!), eps);
  },
};

export const rmsNormGrad: Lowering<Readonly<Record<never, never>>> = {
  reads: () => ["any", "any", "f32", "f32"],
  writes: () => ["asked", "f32"],
  inPlace: true,
  accumulates: [1],
  lower(ctx, { inputs: [dy, x, gain, r], outputs: [dx, dgain] }) {
    launchRmsNormGrad(ctx, x!, {
      dy: ctx.view(dy!),
      x: ctx.view(x!),
      gain: ctx.view(gain!),
      r: ctx.view(r!),
      dx: ctx.view(dx!),
      dgain: ctx.view(dgain!),
      adds: ctx.adds(dgain!),
    });
  },
};

/** y = norm(x), or with `sum`: x = a + b is written there and y = norm(x). a, b and sum have one storage. */
export type NormInput =
  | { readonly x: BufferView }
  | { readonly a: BufferView; readonly b: BufferView; readonly sum: BufferView };

/** `like`: the shape of x. */
export function launchRmsNorm(
  ctx: Context,
  like: TensorType,
  input: NormInput,
  gain: BufferView,
  y: BufferView,
  r: BufferView,
  eps: number,
): void {
  const rows = size(like.shape) / lastOf(like);
  const { define, threads, rowsAtOnce } = rowDefines(lastOf(like), forwardUnroll(lastOf(like)));
  const inputs = "x" in input ? [input.x] : [input.a, input.b, input.sum];
  ctx.launch({
    file: "rms-norm.cu",
    kernel: "rmsNorm",
    define: { ...define, X: typeOf(inputs[0]!), Y: typeOf(y), ...("x" in input ? {} : { RESIDUAL: 1 }) },
    grid: Math.ceil(rows / rowsAtOnce),
    block: threads,
    args: [...inputs, gain, y, r, i32(rows), f32(eps)],
  });
}

export interface NormGrad {
  readonly dy: BufferView;
  readonly x: BufferView;
  readonly gain: BufferView;
  readonly r: BufferView;
  readonly dx: BufferView;
  readonly dgain: BufferView;
  /** Add to what dgain holds. */
  readonly adds: boolean;
  /** Added to dx: what else reaches x. In the storage of dx, and may be dx itself. */
  readonly more?: BufferView;
}

export function launchRmsNormGrad(ctx: Context, like: TensorType, g: NormGrad): void {
  const width = lastOf(like);
  const rows = size(like.shape) / width;
  const { unroll, blocks } = backwardShape(width);
  const { define, threads, rowsAtOnce } = rowDefines(width, unroll);
  const grid = Math.min(Math.ceil(rows / rowsAtOnce), ctx.gpu.multiprocessors * blocks);
  const partial = ctx.scratch("f32", grid * width);
  const types = { DY: typeOf(g.dy), X: typeOf(g.x), DX: typeOf(g.dx) };
  ctx.launch({
    file: "rms-norm-grad.cu",
    kernel: "rmsNormGrad",
    define: { ...define, ...types, BLOCKS: blocks, ...(g.more ? { ADD: 1 } : {}) },
    grid,
    block: threads,
    args: [g.dy, g.x, g.gain, g.r, ...(g.more ? [g.more] : []), g.dx, partial, i32(rows)],
  });
  launchColumnSums(ctx, partial, g.dgain, grid, width, g.adds);
}

/** sums[c] (+)= sum of partial[rows, columns] over the rows. */
export function launchColumnSums(
  ctx: Context,
  partial: BufferView,
  sums: BufferView,
  rows: number,
  columns: number,
  adds: boolean,
): void {
  ctx.launch({
    file: "column-sums.cu",
    kernel: "columnSums",
    define: adds ? { ADD: 1 } : {},
    grid: Math.ceil(columns / 32),
    block: 256,
    args: [partial, sums, i32(rows), i32(columns)],
  });
}
