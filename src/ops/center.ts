/**
 * y = x - mean(x) over the last axis. LayerNorm is RMSNorm of this (HybridNorm paper, B.5).
 * The map is linear and its own adjoint, so its gradient is itself.
 */
import { type Emit, type Gradients, size, type Tensor } from "../graph/graph.ts";
import { defineOp, NONE } from "./define.ts";

export const center = defineOp()({
  name: "center",
  cheap: true,
  infer: ([x]) => [x!],
  grad: (emit, { dy: [dy] }): Gradients => [center(emit, dy!)],
  flops: ({ outputs: [y] }) => 2 * size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});
