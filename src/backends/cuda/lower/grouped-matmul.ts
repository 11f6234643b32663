/**
 * One product per expert, by one launch that reads the counts where they are: bf16 factors, f32 sums. The experts'
 * matrices are variables of their own; their addresses travel in the launch itself. `gathered`: see
 * fuse/gathered-matmul.ts.
 */
import type { Tensor } from "../../../graph/graph.ts";
import type { DispatchAttrs } from "../../../ops/dispatch.ts";
import type { GroupedMatmulAttrs } from "../../../ops/grouped-matmul.ts";
import type { Context, Lowering } from "../lowering.ts";

/** As in grouped.cuh. */
const [TILE, DEPTH, STAGES, THREADS] = [128, 32, 3, 128];
/** A multiprocessor holds two blocks: what their sums take of its registers. */
const BLOCKS = 2;

/** Elements of a piece of a factor whose rows the summed index runs along, and of one that has it as its rows. */
const ALONG = TILE * (DEPTH + 8);
const SUMMED_ROWS = DEPTH * (TILE + 8);
const sharedBytes = (left: number, right: number): number => 2 * STAGES * (left + right);

/** Which row of a smaller matrix stands for each slot: order [S], k slots to a row. */
interface Gather {
  readonly order: Tensor;
  readonly k: number;
}

export const groupedMatmul: Lowering<GroupedMatmulAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => (i === 1 ? "i32" : "bf16")),
  writes: () => ["bf16"],
  lower(ctx, { inputs: [a, counts, ...weights], outputs: [y], attrs: { transB } }) {
    launchProduct(ctx, a!, counts!, weights, y!, transB);
  },
};

export const gatheredMatmul: Lowering<GroupedMatmulAttrs & DispatchAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => (i === 1 || i === 2 ? "i32" : "bf16")),
  writes: () => ["bf16"],
  lower(ctx, { inputs: [x, order, counts, ...weights], outputs: [y], attrs: { transB, k } }) {
    launchProduct(ctx, x!, counts!, weights, y!, transB, { order: order!, k });
  },
};

export const groupedMatmulGrad: Lowering<Readonly<Record<never, never>>> = {
  reads: () => ["bf16", "bf16", "i32"],
  writes: ({ outputs }) => outputs.map(() => "f32"),
  accumulates: "all",
  lower(ctx, { inputs: [left, right, counts], outputs }) {
    launchGradient(ctx, left!, right!, counts!, outputs);
  },
};

export const gatheredMatmulGrad: Lowering<DispatchAttrs> = {
  reads: () => ["bf16", "bf16", "i32", "i32"],
  writes: ({ outputs }) => outputs.map(() => "f32"),
  accumulates: "all",
  lower(ctx, { inputs: [left, x, order, counts], outputs, attrs: { k } }) {
    launchGradient(ctx, left!, x!, counts!, outputs, { order: order!, k });
  },
};

function launchProduct(
  ctx: Context,
  a: Tensor,
  counts: Tensor,
  weights: readonly Tensor[],
  y: Tensor,
  transB: boolean,
  gather?: Gather,
): void {
  const [rows, outer] = y.shape as [number, number];
  // Each expert may end with a tile that is not full.
  const tiles = (Math.floor(rows / TILE) + Math.min(weights.length, rows)) * Math.ceil(outer / TILE);
  const shape = { EXPERTS: weights.length, INNER: a.shape[1]!, OUTER: outer };
  const pointers = weights.map((w) => ctx.region(w));
  const args = [ctx.region(a), ctx.region(counts), { pointers }, ctx.region(y)];
  ctx.launch({
    file: "grouped-matmul.cu",
    kernel: "groupedMatmul",
    define: { ...shape, ...(transB ? { TRANS_B: 1 } : {}), ...(gather ? { TOP_K: gather.k } : {}) },
    grid: Math.min(tiles, BLOCKS * ctx.gpu.multiprocessors),
    block: THREADS,
    sharedBytes: sharedBytes(ALONG, transB ? ALONG : SUMMED_ROWS),
    args: gather ? [...args, ctx.region(gather.order)] : args,
  });
}

function launchGradient(
  ctx: Context,
  left: Tensor,
  right: Tensor,
  counts: Tensor,
  outputs: readonly Tensor[],
  gather?: Gather,
): void {
  const [m, k] = [left.shape[1]!, right.shape[1]!];
  const tiles = outputs.length * Math.ceil(m / TILE) * Math.ceil(k / TILE);
  const shape = { EXPERTS: outputs.length, LEFT: m, RIGHT: k, ...(gather ? { TOP_K: gather.k } : {}) };
  for (const adds of [false, true]) {
    const pointers = outputs.map((t) => (ctx.adds(t) === adds ? ctx.region(t) : null));
    if (pointers.every((pointer) => pointer === null)) continue;
    const args = [ctx.region(left), ctx.region(right), ctx.region(counts), { pointers }];
    ctx.launch({
      file: "grouped-matmul-grad.cu",
      kernel: "groupedMatmulGrad",
      define: adds ? { ...shape, ADD: 1 } : shape,
      grid: Math.min(tiles, BLOCKS * ctx.gpu.multiprocessors),
      block: THREADS,
      sharedBytes: sharedBytes(SUMMED_ROWS, SUMMED_ROWS),
      args: gather ? [...args, ctx.region(gather.order)] : args,
    });
  }
}
