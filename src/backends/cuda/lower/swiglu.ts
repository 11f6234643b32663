/** SwiGLU's pointwise half and its gradient, over packed rows. */
import { size, type TensorType } from "../../../graph/graph.ts";
import { lastOf } from "../../../ops/define.ts";
import type { BufferView } from "../memory/buffer.ts";
import { BLOCK, blocksFor, packOf, typeOf } from "./launches.ts";
import { type Context, i32, type Lowering } from "./lowering.ts";

type Attrs = Readonly<Record<never, never>>;

export const swiglu: Lowering<Attrs> = {
  reads: () => ["bf16", "bf16"],
  writes: () => ["bf16"],
  lower(ctx, { inputs: [gate, up], outputs: [y] }) {
    launchSwiglu(ctx, "swiglu", gate!, [ctx.view(gate!), ctx.view(up!), ctx.view(y!)]);
  },
};

export const swigluGrad: Lowering<Attrs> = {
  reads: () => ["bf16", "bf16", "bf16"],
  writes: () => ["bf16", "bf16"],
  inPlace: true,
  lower(ctx, { inputs, outputs }) {
    launchSwiglu(
      ctx,
      "swigluGrad",
      inputs[0]!,
      [...inputs, ...outputs].map((t) => ctx.view(t)),
    );
  },
};

/** `stride`: elements from row to row of gate and up (default: packed). */
export function launchSwiglu(
  ctx: Context,
  kernel: "swiglu" | "swigluGrad",
  like: TensorType,
  views: readonly BufferView[],
  stride?: number,
): void {
  const width = lastOf(like);
  ctx.launch({
    file: "swiglu.cu",
    kernel,
    define: { X: typeOf(views[0]!), WIDTH: width },
    grid: blocksFor(size(like.shape) / packOf(width)),
    block: BLOCK,
    args: [...views, i32(size(like.shape) / width), i32(stride ?? width)],
  });
}
