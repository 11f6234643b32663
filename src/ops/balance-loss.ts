/**
 * How unevenly tokens are spread over experts (Shazeer et al. 2017; Fedus et al. 2021), without its coefficient:
 *   b = sum_e counts[e] mean_n p[n, e],
 * N k / E when every expert is chosen alike and equally probable. The counts are constants to the gradient.
 */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, NONE, typed } from "./define.ts";

/** p [N, E], counts i32 [E] -> []. */
export const balanceLoss = defineOp()({
  name: "balanceLoss",
  infer([p, counts]) {
    const fits = p!.shape.length === 2 && p!.shape[1] === counts!.shape[0] && counts!.dtype === "i32";
    expectThat("balanceLoss", fits, p!, counts!);
    return [typed(p!, [])];
  },
  grad: (emit, { inputs: [p, counts], dy: [dloss] }) => [
    emit(balanceLossGrad, [dloss!, counts!], { tokens: p!.shape[0]! })[0],
    undefined,
  ],
  flops: ({ inputs: [p] }) => 2 * size(p!.shape),
  call:
    (op) =>
    (emit: Emit, p: Tensor, counts: Tensor): Tensor =>
      emit(op, [p, counts], NONE)[0]!,
});

export interface BalanceLossGradAttrs {
  /** Rows of p, N. */
  readonly tokens: number;
}

/** dp[n, e] = dloss counts[e] / N.  dloss [], counts i32 [E] -> [N, E]. */
export const balanceLossGrad = defineOp<BalanceLossGradAttrs>()({
  name: "balanceLossGrad",
  infer: ([dloss, counts], { tokens }) => [typed(dloss!, [tokens, counts!.shape[0]!])],
  flops: ({ inputs: [, counts] }) => 2 * size(counts!.shape),
});
