/** The error function, elementwise:  y = erf(x) = 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, NONE } from "./define.ts";

export const erf = defineOp()({
  name: "erf",
  cheap: true,
  infer: ([x]) => [x!],
  grad: (emit, { inputs: [x], dy: [dy] }) => emit(erfGrad, [dy!, x!], NONE),
  flops: ({ outputs: [y] }) => 10 * size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});

/** dx = dy 2/sqrt(pi) exp(-x^2).  dy, x -> dx, all of one shape. */
export const erfGrad = defineOp()({
  name: "erfGrad",
  infer([dy, x]) {
    expectSame("erfGrad", dy!, x!);
    return [dy!];
  },
  flops: ({ outputs: [dx] }) => 4 * size(dx!.shape),
  inPlace: [0],
});
