/**
 * One product per expert, by one launch that reads the counts where they are: bf16 factors, f32 sums. The experts'
 * matrices are variables of their own; their addresses travel in the launch itself.
 */
import type { GroupedMatmulAttrs } from "../../../ops/grouped-matmul.ts";
import type { Lowering } from "../lowering.ts";

/** As in grouped.cuh. */
const [TILE, DEPTH, STAGES, THREADS] = [128, 32, 3, 128];
/** A multiprocessor holds two blocks: what their sums take of its registers. */
const BLOCKS = 2;

/** Elements of a piece of a factor whose rows the summed index runs along, and of one that has it as its rows. */
const ALONG = TILE * (DEPTH + 8);
const SUMMED_ROWS = DEPTH * (TILE + 8);
const sharedBytes = (left: number, right: number): number => 2 * STAGES * (left + right);

export const groupedMatmul: Lowering<GroupedMatmulAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => (i === 1 ? "i32" : "bf16")),
  writes: () => ["bf16"],
  lower(ctx, { inputs: [a, counts, ...weights], outputs: [y], attrs: { transB } }) {
    const [rows, inner] = a!.shape as [number, number];
    const outer = y!.shape[1]!;
    // Each expert may end with a tile that is not full.
    const tiles = (Math.floor(rows / TILE) + Math.min(weights.length, rows)) * Math.ceil(outer / TILE);
    const shape = { EXPERTS: weights.length, INNER: inner, OUTER: outer };
    const pointers = weights.map((w) => ctx.region(w));
    ctx.launch({
      file: "grouped-matmul.cu",
      kernel: "groupedMatmul",
      define: transB ? { ...shape, TRANS_B: 1 } : shape,
      grid: Math.min(tiles, BLOCKS * ctx.gpu.multiprocessors),
      block: THREADS,
      sharedBytes: sharedBytes(ALONG, transB ? ALONG : SUMMED_ROWS),
      args: [ctx.region(a!), ctx.region(counts!), { pointers }, ctx.region(y!)],
    });
  },
};

export const groupedMatmulGrad: Lowering<Readonly<Record<never, never>>> = {
  reads: () => ["bf16", "bf16", "i32"],
  writes: ({ outputs }) => outputs.map(() => "f32"),
  accumulates: "all",
  lower(ctx, { inputs: [left, right, counts], outputs }) {
    const [m, k] = [left!.shape[1]!, right!.shape[1]!];
    const tiles = outputs.length * Math.ceil(m / TILE) * Math.ceil(k / TILE);
    for (const adds of [false, true]) {
      const pointers = outputs.map((t) => (ctx.adds(t) === adds ? ctx.region(t) : null));
      if (pointers.every((pointer) => pointer === null)) continue;
      ctx.launch({
        file: "grouped-matmul-grad.cu",
        kernel: "groupedMatmulGrad",
        define: { EXPERTS: outputs.length, LEFT: m, RIGHT: k, ...(adds ? { ADD: 1 } : {}) },
        grid: Math.min(tiles, BLOCKS * ctx.gpu.multiprocessors),
        block: THREADS,
        sharedBytes: sharedBytes(SUMMED_ROWS, SUMMED_ROWS),
        args: [ctx.region(left!), ctx.region(right!), ctx.region(counts!), { pointers }],
      });
    }
  },
};
