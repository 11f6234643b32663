/** A tensor of one value: the seed of the backward pass, and gradient accumulators at rest. */
import type { Emit, Shape, Tensor } from "../graph/graph.ts";
import { defineOp } from "./define.ts";

export interface FillAttrs {
  readonly shape: Shape;
  readonly value: number;
}

export const fill = defineOp<FillAttrs>()({
  name: "fill",
  infer: (_, { shape }) => [{ shape, dtype: "f32" }],
  grad: () => [],
  flops: () => 0,
  call:
    (op) =>
    (emit: Emit, shape: Shape, value: number): Tensor =>
      emit(op, [], { shape, value })[0]!,
});
