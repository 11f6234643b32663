/**
 * One product per expert, by one launch that reads the counts where they are: bf16 factors, f32 sums. The experts'
 * matrices are variables of their own; their addresses travel in the launch itself. `gathered`: see
 * fuse/gathered-matmul.ts, `Sum`: fuse/grouped-sum.ts.
 */
import type { Tensor } from "../../../graph/graph.ts";
import type { DispatchAttrs } from "../../../ops/dispatch.ts";
import type { GroupedMatmulAttrs } from "../../../ops/grouped-matmul.ts";
import type { Context, Lowering } from "../lowering.ts";

/** The `-D` options of grouped.cuh. */
export const TILING = { TILE: 128, DEPTH: 32, STAGES: 3, THREADS: 128 } as const;
const { TILE, DEPTH, STAGES, THREADS } = TILING;
/** A multiprocessor holds two blocks: what their sums take of its registers. */
const BLOCKS = 2;

/** Elements of a piece of a factor whose rows the summed index runs along, and of one that has it as its rows. */
export const ALONG = TILE * (DEPTH + 8);
const SUMMED_ROWS = DEPTH * (TILE + 8);

/** What all launches here have in common. `left` and `right`: elements of the factors' pieces. */
export const persistent = ({ gpu }: Context, tiles: number, left: number, right: number) => ({
  grid: Math.min(tiles, BLOCKS * gpu.multiprocessors),
  block: THREADS,
  sharedBytes: 2 * STAGES * (left + right),
});

/** The most tiles that rows of several experts take, `width` columns to a tile: each expert may end with a part of one. */
export const mostTiles = (rows: number, experts: number, columns: number, width: number): number =>
  (Math.floor(rows / TILE) + Math.min(experts, rows)) * Math.ceil(columns / width);

/** Which row of a smaller matrix stands for each slot: order [S], k slots to a row. */
interface Gather {
  readonly order: Tensor;
  readonly k: number;
}

export const groupedMatmul: Lowering<GroupedMatmulAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => (i === 1 ? "i32" : "bf16")),
  writes: () => ["bf16"],
  lower(ctx, { inputs: [a, counts, ...weights], outputs: [y], attrs: { transB } }) {
    launchProduct(ctx, [a!], counts!, weights, y!, transB);
  },
};

export const gatheredMatmul: Lowering<GroupedMatmulAttrs & DispatchAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => (i === 1 || i === 2 ? "i32" : "bf16")),
  writes: () => ["bf16"],
  lower(ctx, { inputs: [x, order, counts, ...weights], outputs: [y], attrs: { transB, k } }) {
    launchProduct(ctx, [x!], counts!, weights, y!, transB, { order: order!, k });
  },
};

export const groupedMatmulSum: Lowering<GroupedMatmulAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => (i === 2 ? "i32" : "bf16")),
  writes: () => ["bf16"],
  lower(ctx, { inputs: [a, b, counts, ...weights], outputs: [y], attrs: { transB } }) {
    launchProduct(ctx, [a!, b!], counts!, weights, y!, transB);
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

/** The sum of a product for each of `rows`, whose experts' matrices follow each other in `weights`. */
function launchProduct(
  ctx: Context,
  rows: readonly Tensor[],
  counts: Tensor,
  weights: readonly Tensor[],
  y: Tensor,
  transB: boolean,
  gather?: Gather,
): void {
  const [slots, outer] = y.shape as [number, number];
  const experts = counts.shape[0]!;
  const shape = { EXPERTS: experts, INNER: rows[0]!.shape[1]!, OUTER: outer, TERMS: rows.length };
  const [factors, matrices] = [rows, weights].map((ts) => ({ pointers: ts.map((t) => ctx.region(t)) }));
  const args = [factors!, ctx.region(counts), matrices!, ctx.region(y)];
  ctx.launch({
    file: "grouped-matmul.cu",
    kernel: "groupedMatmul",
    define: {
      ...TILING,
      ...shape,
      ...(transB ? { TRANS_B: 1 } : {}),
      ...(gather ? { TOP_K: gather.k } : {}),
    },
    ...persistent(ctx, mostTiles(slots, experts, outer, TILE), ALONG, transB ? ALONG : SUMMED_ROWS),
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
  const top = gather ? { TOP_K: gather.k } : {};
  const shape = { ...TILING, EXPERTS: outputs.length, LEFT: m, RIGHT: k, ...top };
  for (const adds of [false, true]) {
    const pointers = outputs.map((t) => (ctx.adds(t) === adds ? ctx.region(t) : null));
    if (pointers.every((pointer) => pointer === null)) continue;
    const args = [ctx.region(left), ctx.region(right), ctx.region(counts), { pointers }];
    ctx.launch({
      file: "grouped-matmul-grad.cu",
      kernel: "groupedMatmulGrad",
      define: adds ? { ...shape, ADD: 1 } : shape,
      ...persistent(ctx, tiles, SUMMED_ROWS, SUMMED_ROWS),
      args: gather ? [...args, ctx.region(gather.order)] : args,
    });
  }
}
