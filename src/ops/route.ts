/**
 * Sorts the assignments of tokens to experts by expert. Slot n k + j is token n's j-th choice; S = N k slots, none of
 * which is ever dropped.
 */
import type { Emit, Tensor } from "../graph/graph.ts";
import { defineOp, expectThat } from "./define.ts";

export interface RouteAttrs {
  readonly experts: number;
}

/**
 * experts i32 [N, k] -> order i32 [S], the slots by expert and within one expert by number; position i32 [S], where
 * each slot stands in it, order[position[s]] = s; counts i32 [E], slots of each expert.
 */
export const route = defineOp<RouteAttrs>()({
  name: "route",
  infer([chosen], { experts }) {
    expectThat("route", chosen!.shape.length === 2 && chosen!.dtype === "i32", chosen!);
    const slots = [chosen!.shape[0]! * chosen!.shape[1]!];
    return [
      { shape: slots, dtype: "i32" },
      { shape: slots, dtype: "i32" },
      { shape: [experts], dtype: "i32" },
    ];
  },
  flops: () => 0,
  call:
    (op) =>
    (emit: Emit, chosen: Tensor, experts: number): Routing => {
      const [order, position, counts] = emit(op, [chosen], { experts });
      return { order: order!, position: position!, counts: counts! };
    },
});

export interface Routing {
  readonly order: Tensor;
  readonly position: Tensor;
  readonly counts: Tensor;
}
