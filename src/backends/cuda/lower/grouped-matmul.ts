/**
 * One product per expert, by one launch that reads the counts where they are: bf16 factors, f32 sums. The experts'
 * matrices are variables of their own; their addresses travel in the launch itself. `gathered`: see
 * fuse/gathered-matmul.ts, `Sum`: fuse/grouped-sum.ts.
 */
import type { Tensor } from "../../../graph/graph.ts";
import type { DispatchAttrs } from "../../../ops/dispatch.ts";
import type { GroupedMatmulAttrs } from "../../../ops/grouped-matmul.ts";
import { mostTiles, persistent, TILE, tilingFor } from "./grouped-tiles.ts";
import type { Context, Lowering } from "./lowering.ts";

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
  const inner = rows[0]!.shape[1]!;
  const shape = { EXPERTS: experts, INNER: inner, OUTER: outer, TERMS: rows.length };
  const tiling = tilingFor(ctx, "grouped-matmul", [inner, outer]);
  const [factors, matrices] = [rows, weights].map((ts) => ({ pointers: ts.map((t) => ctx.view(t)) }));
  const args = [factors!, ctx.view(counts), matrices!, ctx.view(y)];
  ctx.launch({
    file: "grouped-matmul.cu",
    kernel: "groupedMatmul",
    define: {
      ...tiling,
      ...shape,
      ...(transB ? { TRANS_B: 1 } : {}),
      ...(gather ? { TOP_K: gather.k } : {}),
    },
    ...persistent(ctx, tiling, mostTiles(slots, experts, outer, TILE), ["along", transB ? "along" : "down"]),
    args: gather ? [...args, ctx.view(gather.order)] : args,
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
  const tiling = tilingFor(ctx, "grouped-matmul-grad", [m, k]);
  const shape = { ...tiling, EXPERTS: outputs.length, LEFT: m, RIGHT: k, ...top };
  for (const adds of [false, true]) {
    const pointers = outputs.map((t) => (ctx.adds(t) === adds ? ctx.view(t) : null));
    if (pointers.every((pointer) => pointer === null)) continue;
    const args = [ctx.view(left), ctx.view(right), ctx.view(counts), { pointers }];
    ctx.launch({
      file: "grouped-matmul-grad.cu",
      kernel: "groupedMatmulGrad",
      define: adds ? { ...shape, ADD: 1 } : shape,
      ...persistent(ctx, tiling, tiles, ["down", "down"]),
      args: gather ? [...args, ctx.view(gather.order)] : args,
    });
  }
}
