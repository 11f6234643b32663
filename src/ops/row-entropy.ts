/** Mean entropy of the rows, in nats:  h = - mean_n sum_e p[n, e] log p[n, e], 0 log 0 being 0. A probe: no gradient. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, NONE, typed } from "./define.ts";

/** p [N, E] -> []. */
export const rowEntropy = defineOp()({
  name: "rowEntropy",
  infer([p]) {
    expectThat("rowEntropy", p!.shape.length === 2, p!);
    return [typed(p!, [])];
  },
  flops: ({ inputs: [p] }) => 3 * size(p!.shape),
  call:
    (op) =>
    (emit: Emit, p: Tensor): Tensor =>
      emit(op, [p], NONE)[0]!,
});
