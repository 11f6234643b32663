/** What the experts made of a token, added up with the router's weights. Slots are as in `route`. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, NONE, typed } from "./define.ts";
import type { Routing } from "./route.ts";

/**
 * y[n] = sum over j = 0 .. k-1, in this order, of weights[n, j] ys[position[n k + j]].
 * ys [S, D], weights [N, k], order and position i32 [S] -> [N, D].
 */
export const combine = defineOp()({
  name: "combine",
  cheap: true,
  infer([ys, weights, order, position]) {
    const [slots, d] = ys!.shape as [number, number];
    const fits = size(weights!.shape) === slots && order!.shape[0] === slots && position!.shape[0] === slots;
    expectThat("combine", fits, ys!, weights!, order!, position!);
    return [typed(ys!, [weights!.shape[0]!, d])];
  },
  grad(emit, { inputs: [ys, weights, order, position], dy: [dy] }) {
    const [dys, dweights] = emit(combineGrad, [dy!, ys!, weights!, order!, position!], NONE);
    return [dys, dweights, undefined, undefined];
  },
  flops: ({ inputs: [ys] }) => 2 * size(ys!.shape),
  call:
    (op) =>
    (emit: Emit, ys: Tensor, weights: Tensor, { order, position }: Routing): Tensor =>
      emit(op, [ys, weights, order, position], NONE)[0]!,
});

/**
 * With s = position[n k + j], that is order[s] = n k + j:
 *   dys[s] = weights[n, j] dy[n],   dweights[n, j] = dy[n] . ys[s].
 * dy [N, D], ys [S, D], weights [N, k], order and position i32 [S] -> dys [S, D], dweights [N, k].
 */
export const combineGrad = defineOp()({
  name: "combineGrad",
  infer: ([, ys, weights]) => [ys!, weights!],
  flops: ({ inputs: [, ys] }) => 3 * size(ys!.shape),
});
