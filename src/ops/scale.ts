/** y = factor * x, the factor a constant of the graph: DeepNorm's residual, LayerNorm Scaling's 1/sqrt(l). */
import { type Emit, type Gradients, size, type Tensor } from "../graph/graph.ts";
import { defineOp } from "./define.ts";

export interface ScaleAttrs {
  readonly factor: number;
}

export const scale = defineOp<ScaleAttrs>()({
  name: "scale",
  cheap: true,
  infer: ([x]) => [x!],
  grad: (emit, { attrs, dy: [dy] }): Gradients => [scale(emit, attrs.factor, dy!)],
  flops: ({ outputs: [y] }) => size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, factor: number, x: Tensor): Tensor =>
      emit(op, [x], { factor })[0]!,
});
