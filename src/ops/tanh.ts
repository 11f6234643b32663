/** y = tanh(x) = (exp(2x) - 1) / (exp(2x) + 1), elementwise. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, NONE } from "./define.ts";

export const tanh = defineOp()({
  name: "tanh",
  cheap: true,
  infer: ([x]) => [x!],
  grad: (emit, { outputs: [y], dy: [dy] }) => emit(tanhGrad, [dy!, y!], NONE),
  flops: ({ outputs: [y] }) => 4 * size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});

/** dx = dy (1 - y^2).  dy, y = tanh(x) -> dx, all of one shape. */
export const tanhGrad = defineOp()({
  name: "tanhGrad",
  infer([dy, y]) {
    expectSame("tanhGrad", dy!, y!);
    return [dy!];
  },
  flops: ({ outputs: [dx] }) => 3 * size(dx!.shape),
  inPlace: [0],
});
