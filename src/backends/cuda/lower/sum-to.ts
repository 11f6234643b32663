/**
 * The gradients of learned vectors and scalars: sums of x, or of a product (fuse/product-sum.ts), in f32 whatever they are
 * stored in, each in a fixed order.
 */
import { size, type Tensor } from "../../../graph/graph.ts";
import { type Broadcast, broadcast } from "../../../ops/broadcast.ts";
import { lastOf } from "../../../ops/define.ts";
import type { SumToAttrs } from "../../../ops/sum-to.ts";
import { launchTotal } from "./cross-entropy.ts";
import { BLOCK, elementwise, typeOf } from "./launches.ts";
import { type Context, i32, type Lowering } from "./lowering.ts";
import { launchColumnSums } from "./rms-norm.ts";
import { forwardUnroll, rowDefines } from "./rows.ts";

export const sumTo: Lowering<SumToAttrs> = {
  writes: () => ["f32"],
  accumulates: [0],
  lower(ctx, { inputs, outputs: [sum], attrs: { shape } }) {
    launches[broadcast(shape, inputs[0]!.shape) as keyof typeof launches](ctx, inputs, sum!);
  },
};

export const productSum = sumTo;

/** Of the elements of one tensor, or of the products of two. */
type Launches = (ctx: Context, of: readonly Tensor[], sum: Tensor) => void;

const launches = { one: sumAll, columns: sumColumns, rows: sumRows } satisfies Partial<
  Record<Broadcast, Launches>
>;

/** Where the summed tensors are, and the `-D` options for their types. */
function sources(ctx: Context, of: readonly Tensor[]) {
  const [x, by] = of.map((t) => ctx.view(t));
  const views = by === undefined ? [x!] : [x!, by];
  return { views, types: { X: typeOf(x!), ...(by && { TIMES: typeOf(by) }) } };
}

/** Enough blocks to read memory at full rate; their number fixes the order of the sum. */
const MOST_PARTS = 1024;

function sumAll(ctx: Context, of: readonly Tensor[], sum: Tensor): void {
  const { views, types } = sources(ctx, of);
  const n = size(of[0]!.shape);
  const grid = Math.min(elementwise(n), MOST_PARTS);
  const parts = ctx.scratch("f32", grid);
  ctx.launch({
    file: "sum-parts.cu",
    kernel: "sumParts",
    define: types,
    grid,
    block: BLOCK,
    args: [...views, parts, i32(n)],
  });
  launchTotal(ctx, parts, ctx.view(sum), ctx.adds(sum));
}

/** Threads of a multiprocessor that walk over rows: with 4 packs under way each, enough to read at full rate. */
const RESIDENT = 1024;

function sumColumns(ctx: Context, of: readonly Tensor[], sum: Tensor): void {
  const { views, types } = sources(ctx, of);
  const width = lastOf(of[0]!);
  const rows = size(of[0]!.shape) / width;
  const { define, threads, rowsAtOnce } = rowDefines(width, forwardUnroll(width));
  const most = ctx.gpu.multiprocessors * Math.max(1, Math.floor(RESIDENT / threads));
  const grid = Math.min(Math.ceil(rows / rowsAtOnce), most);
  const partial = ctx.scratch("f32", grid * width);
  ctx.launch({
    file: "sum-to.cu",
    kernel: "columnParts",
    define: { ...define, ...types },
    grid,
    block: threads,
    args: [...views, partial, i32(rows)],
  });
  launchColumnSums(ctx, partial, ctx.view(sum), grid, width, ctx.adds(sum));
}

function sumRows(ctx: Context, of: readonly Tensor[], sum: Tensor): void {
  const { views, types } = sources(ctx, of);
  const width = lastOf(of[0]!);
  const rows = size(of[0]!.shape) / width;
  const { define, threads, rowsAtOnce } = rowDefines(width, forwardUnroll(width));
  ctx.launch({
    file: "sum-to.cu",
    kernel: "rowSums",
    define: { ...define, ...types, ...(ctx.adds(sum) ? { ADD: 1 } : {}) },
    grid: Math.ceil(rows / rowsAtOnce),
    block: threads,
    args: [...views, ctx.view(sum), i32(rows)],
  });
}
