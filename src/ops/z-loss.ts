/** The router z-loss (Zoph et al. 2022) without its coefficient:  z = sum_n (log sum_e exp x[n, e])^2. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, NONE, typed } from "./define.ts";

/** x [N, E] -> []. */
export const zLoss = defineOp()({
  name: "zLoss",
  infer([x]) {
    expectThat("zLoss", x!.shape.length === 2, x!);
    return [typed(x!, [])];
  },
  grad: (emit, { inputs: [x], dy: [dloss] }) => emit(zLossGrad, [dloss!, x!], NONE),
  flops: ({ inputs: [x] }) => 3 * size(x!.shape),
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});

/** dx[n, e] = 2 dloss lse[n] softmax(x[n])[e].  dloss [], x [N, E] -> [N, E]. */
export const zLossGrad = defineOp()({
  name: "zLossGrad",
  infer: ([, x]) => [x!],
  flops: ({ outputs: [dx] }) => 5 * size(dx!.shape),
  inPlace: [1],
});
