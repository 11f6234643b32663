/** SwiGLU's pointwise half (Shazeer 2020):  y = silu(gate) * up,  silu(z) = z sigmoid(z). */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, NONE } from "./define.ts";

export const swiglu = defineOp()({
  name: "swiglu",
  cheap: true,
  infer([gate, up]) {
    expectSame("swiglu", gate!, up!);
    return [gate!];
  },
  grad: (emit, { inputs: [gate, up], dy: [dy] }) => emit(swigluGrad, [dy!, gate!, up!], NONE),
  flops: ({ outputs: [y] }) => 5 * size(y!.shape),
  call:
    (op) =>
    (emit: Emit, gate: Tensor, up: Tensor): Tensor =>
      emit(op, [gate, up], NONE)[0]!,
});

/**
 * With s = sigmoid(gate):  dgate = dy up s (1 + gate (1 - s)),   dup = dy gate s.
 * dy, gate, up -> dgate, dup, all of one shape.
 */
export const swigluGrad = defineOp()({
  name: "swigluGrad",
  infer: ([, gate, up]) => [gate!, up!],
  flops: ({ outputs: [dgate] }) => 10 * size(dgate!.shape),
  inPlace: [1, 2],
});
