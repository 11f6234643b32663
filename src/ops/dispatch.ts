/** Tokens as the experts read them, one row per slot, and back. Slots are as in `route`. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, typed } from "./define.ts";
import type { Routing } from "./route.ts";

export interface DispatchAttrs {
  /** Slots of each token. */
  readonly k: number;
}

/** xs[s] = x[floor(order[s] / k)].  x [N, D], order and position i32 [S] -> [S, D]. */
export const dispatch = defineOp<DispatchAttrs>()({
  name: "dispatch",
  cheap: true,
  infer([x, order, position], { k }) {
    const slots = x!.shape[0]! * k;
    const fits = x!.shape.length === 2 && order!.shape[0] === slots && position!.shape[0] === slots;
    expectThat("dispatch", fits, x!, order!, position!);
    return [typed(x!, [slots, x!.shape[1]!])];
  },
  grad: (emit, { inputs: [, , position], attrs, dy: [dxs] }) => [
    emit(gatherSum, [dxs!, position!], attrs)[0],
    undefined,
    undefined,
  ],
  flops: () => 0,
  call:
    (op) =>
    (emit: Emit, x: Tensor, { order, position }: Routing): Tensor =>
      emit(op, [x, order, position], { k: order.shape[0]! / x.shape[0]! })[0]!,
});

/** dx[n] = sum over j = 0 .. k-1, in this order, of dxs[position[n k + j]].  dxs [S, D], position i32 [S] -> [N, D]. */
export const gatherSum = defineOp<DispatchAttrs>()({
  name: "gatherSum",
  infer([dxs, position], { k }) {
    const [slots, d] = dxs!.shape as [number, number];
    expectThat("gatherSum", position!.shape[0] === slots && slots % k === 0, dxs!, position!);
    return [typed(dxs!, [slots / k, d])];
  },
  flops: ({ inputs: [dxs] }) => size(dxs!.shape),
});
