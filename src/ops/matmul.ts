/** Matrix product over equal batch axes:  C = alpha * op(A) op(B),  op(X) = X or its transpose. */
import type { Emit, Gradients, Shape, Tensor } from "../graph/graph.ts";
import { size } from "../graph/graph.ts";
import { defineOp, expectThat, typed } from "./define.ts";

export interface MatmulAttrs {
  /** Read A as its transpose (of the last two axes); likewise B. */
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
}

/** A [..., M, K], B [..., K, N] -> [..., M, N] (each possibly stored transposed). */
export const matmul = defineOp<MatmulAttrs>()({
  name: "matmul",
  infer([a, b], { transA, transB }) {
    const [m, k] = matrix(a!.shape, transA);
    const [k2, n] = matrix(b!.shape, transB);
    const batch = a!.shape.slice(0, -2);
    const fits = k === k2 && batch.join() === b!.shape.slice(0, -2).join();
    expectThat("matmul", fits, a!, b!);
    return [typed(a!, [...batch, m, n])];
  },
  // dA = alpha dC op(B)^T and dB = alpha op(A)^T dC, transposed back where A or B is stored transposed.
  grad(emit, { inputs: [a, b], attrs: { transA, transB, alpha }, dy: [dc] }): Gradients {
    const da = transA
      ? matmul(emit, b!, dc!, { transA: transB, transB: true, alpha })
      : matmul(emit, dc!, b!, { transB: !transB, alpha });
    const db = transB
      ? matmul(emit, dc!, a!, { transA: true, transB: transA, alpha })
      : matmul(emit, a!, dc!, { transA: !transA, alpha });
    return [da, db];
  },
  flops({ inputs: [a], outputs: [c], attrs: { transA } }) {
    return 2 * size(c!.shape) * matrix(a!.shape, transA)[1];
  },
  call:
    (op) =>
    (emit: Emit, a: Tensor, b: Tensor, attrs: Partial<MatmulAttrs> = {}): Tensor => {
      return emit(op, [a, b], { transA: false, transB: false, alpha: 1, ...attrs })[0]!;
    },
});

/** y = x W^T: x [N, in], W [out, in] -> [N, out]. */
export const linear = (emit: Emit, x: Tensor, w: Tensor): Tensor => matmul(emit, x, w, { transB: true });

/** [rows, columns] of the last two axes after the transpose. */
export function matrix(shape: Shape, transposed: boolean): readonly [number, number] {
  const [r, c] = [shape.at(-2)!, shape.at(-1)!];
  return transposed ? [c, r] : [r, c];
}
