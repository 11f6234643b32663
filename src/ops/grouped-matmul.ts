/**
 * One matrix product per expert, over rows sorted by expert: the rows of expert e are the counts[e] rows after those of
 * the experts before it. The counts are known only when it runs; that they sum to S is known before, and so the cost.
 */
import { type Emit, type Gradients, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, typed } from "./define.ts";
import { matrix } from "./matmul.ts";

export interface GroupedMatmulAttrs {
  /** Read each W as its transpose. */
  readonly transB: boolean;
}

/** a [S, K], counts i32 [E], W_0 .. W_{E-1} each [K, M] (stored [M, K] with transB) -> y [S, M], y = a W_e for e's rows. */
export const groupedMatmul = defineOp<GroupedMatmulAttrs>()({
  name: "groupedMatmul",
  infer([a, counts, ...weights], { transB }) {
    const [rows, k] = a!.shape as [number, number];
    const [k2, m] = matrix(weights[0]!.shape, transB);
    const alike = weights.every((w) => w.shape.join() === weights[0]!.shape.join());
    const fits = k === k2 && alike && counts!.shape[0] === weights.length && counts!.dtype === "i32";
    expectThat("groupedMatmul", fits, a!, counts!, ...weights);
    return [typed(a!, [rows, m])];
  },
  grad(emit, { inputs: [a, counts, ...weights], attrs: { transB }, dy: [dy] }): Gradients {
    const da = groupedMatmul(emit, dy!, counts!, weights, { transB: !transB });
    const [left, right] = transB ? [dy!, a!] : [a!, dy!];
    return [da, undefined, ...emit(groupedMatmulGrad, [left, right, counts!], {})];
  },
  flops: ({ inputs: [a], outputs: [y] }) => 2 * size(a!.shape) * y!.shape[1]!,
  call:
    (op) =>
    (
      emit: Emit,
      a: Tensor,
      counts: Tensor,
      weights: readonly Tensor[],
      { transB = true }: Partial<GroupedMatmulAttrs> = {},
    ): Tensor =>
      emit(op, [a, counts, ...weights], { transB })[0]!,
});

/** dW_e = left_e^T right_e over e's rows (0 without any).  left [S, M], right [S, K], counts i32 [E] -> E of [M, K]. */
export const groupedMatmulGrad = defineOp()({
  name: "groupedMatmulGrad",
  infer([left, right, counts]) {
    expectThat("groupedMatmulGrad", left!.shape[0] === right!.shape[0], left!, right!, counts!);
    const one = typed(left!, [left!.shape[1]!, right!.shape[1]!]);
    return Array.from({ length: counts!.shape[0]! }, () => one);
  },
  flops: ({ inputs: [left, right] }) => 2 * size(left!.shape) * right!.shape[1]!,
});
