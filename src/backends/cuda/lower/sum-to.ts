/** The gradients of learned vectors and scalars: sums in f32 whatever x is stored in, each in a fixed order. */
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
  lower(ctx, { inputs: [x], outputs: [sum], attrs: { shape } }) {
    launches[broadcast(shape, x!.shape) as keyof typeof launches](ctx, x!, sum!);
  },
};

type Launches = (ctx: Context, x: Tensor, sum: Tensor) => void;

const launches = { one: sumAll, columns: sumColumns, rows: sumRows } satisfies Partial<
  Record<Broadcast, Launches>
>;

/** Enough blocks to read memory at full rate; their number fixes the order of the sum. */
const MOST_PARTS = 1024;

function sumAll(ctx: Context, x: Tensor, sum: Tensor): void {
  const [from, n] = [ctx.view(x), size(x.shape)];
  const grid = Math.min(elementwise(n), MOST_PARTS);
  const parts = ctx.scratch("f32", grid);
  const define = { X: typeOf(from) };
  ctx.launch({
    file: "sum-parts.cu",
    kernel: "sumParts",
    define,
    grid,
    block: BLOCK,
    args: [from, parts, i32(n)],
  });
  launchTotal(ctx, parts, ctx.view(sum), ctx.adds(sum));
}

/** Threads of a multiprocessor that walk over rows: with 4 packs under way each, enough to read at full rate. */
const RESIDENT = 1024;

function sumColumns(ctx: Context, x: Tensor, sum: Tensor): void {
  const [from, width] = [ctx.view(x), lastOf(x)];
  const rows = size(x.shape) / width;
  const { define, threads, rowsAtOnce } = rowDefines(width, forwardUnroll(width));
  const most = ctx.gpu.multiprocessors * Math.max(1, Math.floor(RESIDENT / threads));
  const grid = Math.min(Math.ceil(rows / rowsAtOnce), most);
  const partial = ctx.scratch("f32", grid * width);
  ctx.launch({
    file: "sum-to.cu",
    kernel: "columnParts",
    define: { ...define, X: typeOf(from) },
    grid,
    block: threads,
    args: [from, partial, i32(rows)],
  });
  launchColumnSums(ctx, partial, ctx.view(sum), grid, width, ctx.adds(sum));
}

function sumRows(ctx: Context, x: Tensor, sum: Tensor): void {
  const [from, width] = [ctx.view(x), lastOf(x)];
  const rows = size(x.shape) / width;
  const { define, threads, rowsAtOnce } = rowDefines(width, forwardUnroll(width));
  ctx.launch({
    file: "sum-to.cu",
    kernel: "rowSums",
    define: { ...define, X: typeOf(from), ...(ctx.adds(sum) ? { ADD: 1 } : {}) },
    grid: Math.ceil(rows / rowsAtOnce),
    block: threads,
    args: [from, ctx.view(sum), i32(rows)],
  });
}
