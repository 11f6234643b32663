/** C = alpha op(A) op(B): bf16 operands, f32 sums. A weight's gradient is stored in f32 and can add up over micro-batches. */
import { size } from "../../../graph/graph.ts";
import { type MatmulAttrs, matrix } from "../../../ops/matmul.ts";
import type { Lowering } from "./lowering.ts";

export const matmul: Lowering<MatmulAttrs> = {
  reads: () => ["bf16", "bf16"],
  writes: () => ["asked"],
  accumulates: [0],
  lower(ctx, { inputs: [a, b], outputs: [c], attrs: { transA, transB, alpha } }) {
    const [m, k] = matrix(a!.shape, transA);
    const [, n] = matrix(b!.shape, transB);
    ctx.gemm({
      m,
      n,
      k,
      transA,
      transB,
      alpha,
      a: ctx.view(a!),
      b: ctx.view(b!),
      c: ctx.view(c!),
      beta: ctx.adds(c!) ? 1 : 0,
      batch: size(a!.shape.slice(0, -2)),
    });
  },
};
