/**
 * The sum over all axes along which a tensor of the smaller shape would be broadcast to x: the gradient of what was
 * broadcast. Engines add in a fixed order.
 */
import { type Emit, type Shape, size, type Tensor } from "../graph/graph.ts";
import { broadcast } from "./broadcast.ts";
import { defineOp, expectThat, typed } from "./define.ts";

export interface SumToAttrs {
  /** [D]: over the rows; [1]: over everything; [..., 1]: over each row. */
  readonly shape: Shape;
}

/** x [..., D] -> [D], [1] or [..., 1]. */
export const sumTo = defineOp<SumToAttrs>()({
  name: "sumTo",
  infer([x], { shape }) {
    const how = broadcast(shape, x!.shape);
    expectThat("sumTo", how !== undefined && how !== "same", x!, typed(x!, shape));
    return [typed(x!, shape)];
  },
  flops: ({ inputs: [x] }) => size(x!.shape),
  call:
    (op) =>
    (emit: Emit, x: Tensor, shape: Shape): Tensor =>
      emit(op, [x], { shape })[0]!,
});
