/**
 * RMSNorm over the last axis (Zhang & Sennrich 2019):  y = g * x * r,  r = 1 / sqrt(mean(x^2) + eps).
 * Any number of leading axes; one gain g of the last axis' size.
 */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, lastOf, NONE, rowsOf, typed } from "./define.ts";

export interface RmsNormAttrs {
  readonly eps: number;
}

/** x [..., D], g [D] -> y [..., D], r [..., 1] (kept for the backward pass). */
export const rmsNorm = defineOp<RmsNormAttrs>()({
  name: "rmsNorm",
  cheap: true,
  infer([x, g]) {
    expectThat("rmsNorm", g!.shape.length === 1 && g!.shape[0] === lastOf(x!), x!, g!);
    return [x!, typed(x!, [...rowsOf(x!), 1])];
  },
  grad: (emit, { inputs: [x, g], outputs: [, r], dy: [dy] }) => emit(rmsNormGrad, [dy!, x!, g!, r!], NONE),
  flops: ({ inputs: [x] }) => 4 * size(x!.shape),
  call:
    (op) =>
    (emit: Emit, x: Tensor, gain: Tensor, eps: number): Tensor =>
      emit(op, [x, gain], { eps })[0]!,
});

/**
 * With n = x r (the normalised input):
 *   dx = r (g dy - n mean(g dy n)),   dg = sum over rows of dy n.
 * dy, x [..., D], g [D], r [..., 1] -> dx [..., D], dg [D].
 */
export const rmsNormGrad = defineOp()({
  name: "rmsNormGrad",
  infer: ([, x, g]) => [x!, g!],
  flops: ({ inputs: [x] }) => 8 * size(x!.shape),
  inPlace: [0],
});
