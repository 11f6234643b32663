/** Row softmax under a causal mask: row t of a [T, T] matrix sees columns 0..t, the others are 0. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, expectThat, NONE } from "./define.ts";

/** s [..., T, T] -> p [..., T, T]. */
export const causalSoftmax = defineOp()({
  name: "causalSoftmax",
  infer([s]) {
    expectThat("causalSoftmax", s!.shape.length >= 2 && s!.shape.at(-1) === s!.shape.at(-2), s!);
    return [s!];
  },
  grad: (emit, { outputs: [p], dy: [dp] }) => emit(softmaxGrad, [dp!, p!], NONE),
  flops: ({ outputs: [p] }) => 4 * size(p!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, s: Tensor): Tensor =>
      emit(op, [s], NONE)[0]!,
});

/** ds = p (dp - sum over the row of p dp). The mask needs no mention: p is 0 there. */
export const softmaxGrad = defineOp()({
  name: "softmaxGrad",
  infer([dp, p]) {
    expectSame("softmaxGrad", dp!, p!);
    return [dp!];
  },
  flops: ({ outputs: [ds] }) => 4 * size(ds!.shape),
  inPlace: [0],
});
