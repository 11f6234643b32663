/** y = tanh(x) = (exp(2x) - 1) / (exp(2x) + 1), elementwise. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, NONE } from "./define.ts";

export const tanh = defineOp()({
  name: "tanh",
  cheap: true,
  infer: ([x]) => [x!],
  grad: (emit, { inputs: [x], dy: [dy] }) => emit(tanhGrad, [dy!, x!], NONE),
  flops: ({ outputs: [y] }) => 4 * size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});

/**
 * dx = dy (1 - tanh(x)^2) = dy 4 sigmoid(2x) sigmoid(-2x).  dy, x -> dx, all of one shape. From x, because where tanh is
 * nearly 1, 1 - y^2 has only the bits that rounding y has left.
 */
export const tanhGrad = defineOp()({
  name: "tanhGrad",
  infer([dy, x]) {
    expectSame("tanhGrad", dy!, x!);
    return [dy!];
  },
  flops: ({ outputs: [dx] }) => 8 * size(dx!.shape),
  inPlace: [0],
});
