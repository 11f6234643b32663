/** A product onto something (fuse/matmul-add.ts): beta = 1, where that lies if no one else reads it. */
import { size } from "../../../graph/graph.ts";
import { type MatmulAttrs, matrix } from "../../../ops/matmul.ts";
import type { Lowering } from "./lowering.ts";

export const matmulAdd: Lowering<MatmulAttrs> = {
  reads: () => ["bf16", "bf16", "bf16"],
  writes: () => ["bf16"],
  inPlace: true,
  lower(ctx, { inputs: [a, b, onto], outputs: [y], attrs: { transA, transB, alpha } }) {
    const [from, to] = [ctx.view(onto!), ctx.view(y!)];
    if (from.buffer !== to.buffer || from.offset !== to.offset) ctx.copy(to, from);
    const [m, k] = matrix(a!.shape, transA);
    const [, n] = matrix(b!.shape, transB);
    const batch = size(a!.shape.slice(0, -2));
    const operands = { a: ctx.view(a!), b: ctx.view(b!), c: to };
    ctx.gemm({ m, n, k, transA, transB, alpha, ...operands, beta: 1, batch });
  },
};
