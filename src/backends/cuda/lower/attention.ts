/** Attention and its gradient: fused kernels in which no [T, T] matrix ever lies in memory. */
import { type Node, size, type TensorType } from "../../../graph/graph.ts";
import type { BufferView } from "../memory/buffer.ts";
import {
  type AttentionKernel,
  definesOf,
  ownRows,
  sharedBytes,
  type Tiles,
  tilesFor,
} from "./attention-tiles.ts";
import { type Arg, type Context, f32, i32, type Launch, type Lowering } from "./lowering.ts";

type Attrs = Readonly<Record<never, never>>;

export const attention: Lowering<Attrs> = {
  reads: () => ["bf16", "bf16", "bf16"],
  writes: () => ["bf16"],
  lower(ctx, { inputs: [q, k, v], outputs: [out] }) {
    const sizes = sizesOf(q!, k!);
    const logSums = ctx.saveForBackward(out!, "f32", rowsOf(sizes));
    const [queries, keys, values] = [ctx.view(q!), ctx.view(k!), ctx.view(v!)];
    forward(ctx, sizes, [queries, keys, values, ctx.view(out!), logSums]);
  },
};

export const attentionGrad: Lowering<Attrs> = {
  reads: () => ["bf16", "bf16", "bf16", "bf16", "bf16"],
  writes: () => ["bf16", "bf16", "bf16"],
  lower(ctx, node: Node<Attrs>) {
    const [dout, q, k, v, out] = node.inputs.map((t) => ctx.view(t)) as [
      BufferView,
      BufferView,
      BufferView,
      BufferView,
      BufferView,
    ];
    const [dq, dk, dv] = node.outputs.map((t) => ctx.view(t)) as [BufferView, BufferView, BufferView];
    const sizes = sizesOf(node.inputs[1]!, node.inputs[2]!);
    const rows = rowsOf(sizes);
    let logSums = ctx.saved(node.inputs[4]!);
    if (logSums === undefined) {
      logSums = ctx.scratch("f32", rows);
      forward(ctx, sizes, [q, k, v, ctx.scratch("bf16", out.elements), logSums]);
    }
    const delta = ctx.scratch("f32", rows);
    ctx.launch({
      file: "attention-delta.cu",
      kernel: "attentionDelta",
      define: { HEAD_DIM: sizes.d },
      grid: Math.ceil(rows / DELTA_ROWS),
      block: 8 * DELTA_ROWS,
      args: [dout, out, delta, i32(rows), i32(sizes.t), i32(sizes.h)],
    });
    const given = [dout, q, k, v, logSums, delta];
    const root = f32(1 / Math.sqrt(sizes.d));
    const groups = sizes.h / sizes.kv;
    launch(ctx, "grad-kv", sizes, { heads: sizes.kv, streams: groups }, [...given, dk, dv], [root]);
    launch(ctx, "grad-q", sizes, { heads: sizes.h, streams: 1 / groups }, [...given, dq], [root]);
  },
};

/** Rows of one block of the delta kernel, eight threads each. */
const DELTA_ROWS = 32;
/** Of what thread blocks stream, about this much is to be in use at once: it then stays in the L2 cache. */
const STREAMED_BYTES = 16 * 2 ** 20;

interface Sizes {
  readonly b: number;
  readonly t: number;
  readonly h: number;
  readonly kv: number;
  readonly d: number;
}

function sizesOf(q: TensorType, k: TensorType): Sizes {
  const [b, t, h, d] = q.shape as [number, number, number, number];
  return { b, t, h, kv: k.shape[2]!, d };
}

/** Rows of all query heads: B H T. */
const rowsOf = ({ b, h, t }: Sizes): number => size([b, h, t]);

function forward(ctx: Context, sizes: Sizes, views: readonly BufferView[]): void {
  launch(ctx, "forward", sizes, { heads: sizes.h, streams: sizes.kv / sizes.h }, views, []);
}

const KERNELS: Readonly<Record<AttentionKernel, Pick<Launch, "file" | "kernel">>> = {
  forward: { file: "attention-forward.cu", kernel: "attentionForward" },
  "grad-kv": { file: "attention-grad-kv.cu", kernel: "attentionGradKv" },
  "grad-q": { file: "attention-grad-q.cu", kernel: "attentionGradQ" },
};
/** Where warpgroups go about it in another way. */
const BY_WARPGROUPS: Partial<typeof KERNELS> = {
  forward: { file: "attention-forward-warpgroups.cu", kernel: "attentionForwardWarpgroups" },
};

/** Which kernel it is, of which file. */
export const sourceOf = (name: AttentionKernel, { warpgroups }: Tiles): (typeof KERNELS)[AttentionKernel] =>
  (warpgroups && BY_WARPGROUPS[name]) || KERNELS[name];

/** `heads` of one sequence get thread blocks; each streams rows of `streams` heads, or shares one with others. */
function launch(
  ctx: Context,
  name: AttentionKernel,
  { b, t, h, kv, d }: Sizes,
  { heads, streams }: { readonly heads: number; readonly streams: number },
  views: readonly BufferView[],
  more: readonly Arg[],
): void {
  const tiles = tilesFor(name, d, ctx.gpu);
  // Two tensors, two bytes an element.
  const chunk = Math.max(1, Math.floor(STREAMED_BYTES / (4 * t * d * streams)));
  ctx.launch({
    ...sourceOf(name, tiles),
    define: definesOf(d, tiles),
    grid: Math.ceil(t / ownRows(tiles)) * b * heads,
    block: 32 * tiles.warps,
    sharedBytes: sharedBytes(name, d, tiles),
    args: [
      ...views,
      ...[t, h, kv, b * heads, Math.min(chunk, b * heads)].map(i32),
      f32(Math.LOG2E / Math.sqrt(d)),
      ...more,
    ],
  });
}
