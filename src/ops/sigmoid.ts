/** y = 1 / (1 + exp(-x)), elementwise: a gate between 0 and 1. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, NONE } from "./define.ts";

export const sigmoid = defineOp()({
  name: "sigmoid",
  cheap: true,
  infer: ([x]) => [x!],
  grad: (emit, { outputs: [y], dy: [dy] }) => emit(sigmoidGrad, [dy!, y!], NONE),
  flops: ({ outputs: [y] }) => 4 * size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});

/** dx = dy y (1 - y).  dy, y = sigmoid(x) -> dx, all of one shape. */
export const sigmoidGrad = defineOp()({
  name: "sigmoidGrad",
  infer([dy, y]) {
    expectSame("sigmoidGrad", dy!, y!);
    return [dy!];
  },
  flops: ({ outputs: [dx] }) => 3 * size(dx!.shape),
  inPlace: [0],
});
