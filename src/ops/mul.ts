/** y = a b, elementwise: b of a's shape, or a learned vector or scalar, or one factor a row (broadcast.ts). */
import { type Emit, type Gradients, sameShape, size, type Tensor } from "../graph/graph.ts";
import { broadcast } from "./broadcast.ts";
import { defineOp, expectThat, NONE } from "./define.ts";
import { sumTo } from "./sum-to.ts";

/** a [..., D], b [..., D], [D], [1] or [..., 1] -> [..., D]. */
export const mul = defineOp()({
  name: "mul",
  cheap: true,
  infer([a, b]) {
    expectThat("mul", broadcast(b!.shape, a!.shape) !== undefined, a!, b!);
    return [a!];
  },
  // da = dy b and db = dy a, the latter summed over what b was broadcast along.
  grad(emit, { inputs: [a, b], dy: [dy] }): Gradients {
    const db = mul(emit, dy!, a!);
    return [mul(emit, dy!, b!), sameShape(a!.shape, b!.shape) ? db : sumTo(emit, db, b!.shape)];
  },
  flops: ({ outputs: [y] }) => size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, a: Tensor, b: Tensor): Tensor =>
      emit(op, [a, b], NONE)[0]!,
});
