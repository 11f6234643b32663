/** y = 1 / (1 + exp(-x)), elementwise: a gate between 0 and 1. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, NONE } from "./define.ts";

export const sigmoid = defineOp()({
  name: "sigmoid",
  cheap: true,
  infer: ([x]) => [x!],
  grad: (emit, { inputs: [x], dy: [dy] }) => emit(sigmoidGrad, [dy!, x!], NONE),
  flops: ({ outputs: [y] }) => 4 * size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});

/**
 * dx = dy y (1 - y) = dy sigmoid(x) sigmoid(-x).  dy, x -> dx, all of one shape. From x, because where y is nearly 1, 1 - y
 * has only the bits that rounding y has left.
 */
export const sigmoidGrad = defineOp()({
  name: "sigmoidGrad",
  infer([dy, x]) {
    expectSame("sigmoidGrad", dy!, x!);
    return [dy!];
  },
  flops: ({ outputs: [dx] }) => 6 * size(dx!.shape),
  inPlace: [0],
});
