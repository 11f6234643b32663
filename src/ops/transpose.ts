/** Axes in another order: y's axis i is x's axis perm[i]. */
import type { Emit, Gradients, Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, typed } from "./define.ts";

export interface TransposeAttrs {
  readonly perm: readonly number[];
}

export const transpose = defineOp<TransposeAttrs>()({
  name: "transpose",
  cheap: true,
  infer([x], { perm }) {
    const isPermutation = x!.shape.every((_, axis) => perm.includes(axis)) && perm.length === x!.shape.length;
    expectThat("transpose", isPermutation, x!);
    return [
      typed(
        x!,
        perm.map((axis) => x!.shape[axis]!),
      ),
    ];
  },
  grad: (emit, { attrs: { perm }, dy: [dy] }): Gradients => [
    transpose(
      emit,
      dy!,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  flops: () => 0,
  call:
    (op) =>
    (emit: Emit, x: Tensor, perm: readonly number[]): Tensor =>
      emit(op, [x], { perm })[0]!,
});
