/** Row softmax over the last axis:  p = exp(x - max) / sum exp(x - max). The router's probabilities. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { softmaxGrad } from "./causal-softmax.ts";
import { defineOp, NONE } from "./define.ts";

/** x [..., M] -> p [..., M]. */
export const softmax = defineOp()({
  name: "softmax",
  cheap: true,
  infer: ([x]) => [x!],
  grad: (emit, { outputs: [p], dy: [dp] }) => emit(softmaxGrad, [dp!, p!], NONE),
  flops: ({ outputs: [p] }) => 4 * size(p!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});
