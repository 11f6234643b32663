/** y = x + b with b smaller than x: a learned vector or scalar, or one number a row (broadcast.ts). */
import { type Emit, type Gradients, size, type Tensor } from "../graph/graph.ts";
import { broadcast } from "./broadcast.ts";
import { defineOp, expectThat, NONE } from "./define.ts";
import { sumTo } from "./sum-to.ts";

/** x [..., D], b [D], [1] or [..., 1] -> [..., D]. Of two equal shapes: `add`. */
export const bias = defineOp()({
  name: "bias",
  cheap: true,
  infer([x, b]) {
    const how = broadcast(b!.shape, x!.shape);
    expectThat("bias", how !== undefined && how !== "same", x!, b!);
    return [x!];
  },
  grad: (emit, { inputs: [, b], dy: [dy] }): Gradients => [dy, sumTo(emit, dy!, b!.shape)],
  flops: ({ outputs: [y] }) => size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor, b: Tensor): Tensor =>
      emit(op, [x, b], NONE)[0]!,
});
