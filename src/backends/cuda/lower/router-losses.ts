/** The router's losses with their gradients, and its entropy: sums over rows in f32, block by block and then in all. */
import type { Tensor } from "../../../graph/graph.ts";
import { launchTotal } from "./cross-entropy.ts";
import { BLOCK } from "./launches.ts";
import { type Arg, type Context, i32, type Lowering } from "./lowering.ts";
import { WARP_ROWS } from "./router.ts";

type Attrs = Readonly<Record<never, never>>;

/** The order of a sum depends on the number of blocks, and so that must depend on the sizes alone. */
const MOST_BLOCKS = 512;

export const balanceLoss: Lowering<Attrs> = {
  reads: () => ["f32", "i32"],
  writes: () => ["f32"],
  lower(ctx, { inputs: [p, counts], outputs: [loss] }) {
    launchSum(ctx, "balanceLoss", p!, [ctx.view(p!), ctx.view(counts!)], loss!);
  },
};

export const balanceLossGrad: Lowering<{ readonly tokens: number }> = {
  reads: () => ["f32", "i32"],
  writes: () => ["f32"],
  lower(ctx, { inputs, outputs: [dp] }) {
    launchRows(
      ctx,
      "balanceLossGrad",
      dp!,
      [...inputs, dp!].map((t) => ctx.view(t)),
    );
  },
};

export const zLoss: Lowering<Attrs> = {
  reads: () => ["f32"],
  writes: () => ["f32"],
  lower(ctx, { inputs: [x], outputs: [loss] }) {
    launchSum(ctx, "zLoss", x!, [ctx.view(x!)], loss!);
  },
};

export const zLossGrad: Lowering<Attrs> = {
  reads: () => ["f32", "f32"],
  writes: () => ["f32"],
  inPlace: true,
  lower(ctx, { inputs, outputs: [dx] }) {
    launchRows(
      ctx,
      "zLossGrad",
      dx!,
      [...inputs, dx!].map((t) => ctx.view(t)),
    );
  },
};

export const rowEntropy: Lowering<Attrs> = {
  reads: () => ["f32"],
  writes: () => ["f32"],
  lower(ctx, { inputs: [p], outputs: [h] }) {
    launchSum(ctx, "rowEntropy", p!, [ctx.view(p!)], h!);
  },
};

const blocks = ({ shape: [rows] }: Tensor): number => Math.min(Math.ceil(rows! / WARP_ROWS), MOST_BLOCKS);

function launchSum(ctx: Context, kernel: string, like: Tensor, inputs: readonly Arg[], sum: Tensor): void {
  const grid = blocks(like);
  const parts = grid === 1 ? ctx.view(sum) : ctx.scratch("f32", grid);
  launchRows(ctx, kernel, like, [...inputs, parts]);
  if (grid > 1) launchTotal(ctx, parts, ctx.view(sum), false);
}

/** `like`: [rows, experts]. */
function launchRows(ctx: Context, kernel: string, like: Tensor, args: readonly Arg[]): void {
  const [rows, experts] = like.shape as [number, number];
  ctx.launch({
    file: "router-losses.cu",
    kernel,
    define: { WIDTH: experts },
    grid: blocks(like),
    block: BLOCK,
    args: [...args, i32(rows)],
  });
}
