/** The same elements in the same order under another shape; costs nothing where an engine can alias memory. */
import { type Emit, type Gradients, type Shape, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, typed } from "./define.ts";

export interface ReshapeAttrs {
  readonly shape: Shape;
}

export const reshape = defineOp<ReshapeAttrs>()({
  name: "reshape",
  cheap: true,
  infer([x], { shape }) {
    expectThat("reshape", size(x!.shape) === size(shape), x!, typed(x!, shape));
    return [typed(x!, shape)];
  },
  grad: (emit, { inputs: [x], dy: [dy] }): Gradients => [reshape(emit, dy!, x!.shape)],
  flops: () => 0,
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor, shape: Shape): Tensor =>
      emit(op, [x], { shape })[0]!,
});
