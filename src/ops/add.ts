/** y = a + b, elementwise over one shape: the residual connection, and the sum of gradients over paths. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, NONE } from "./define.ts";

export const add = defineOp()({
  name: "add",
  cheap: true,
  infer([a, b]) {
    expectSame("add", a!, b!);
    return [a!];
  },
  grad: (_, { dy: [dy] }) => [dy, dy],
  flops: ({ outputs: [y] }) => size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, a: Tensor, b: Tensor): Tensor =>
      emit(op, [a, b], NONE)[0]!,
});
