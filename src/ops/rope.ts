/**
 * Rotary position embedding (Su et al. 2021), half-split as in NeoX and Llama: with h = d/2, for i < h and
 * angle a = t theta^(-2i/d) at position t,
 *   y[i] = x[i] cos a - x[i+h] sin a,   y[i+h] = x[i+h] cos a + x[i] sin a.
 * A rotation, so its gradient is the rotation back.
 */
import { type Emit, type Gradients, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat } from "./define.ts";

export interface RopeAttrs {
  readonly theta: number;
  /** Rotate by -a instead of a. */
  readonly inverse: boolean;
}

/** x [B, T, H, d] -> the same shape; positions are 0..T-1 along axis 1. */
export const rope = defineOp<RopeAttrs>()({
  name: "rope",
  cheap: true,
  infer([x]) {
    expectThat("rope", x!.shape.length === 4 && x!.shape[3]! % 2 === 0, x!);
    return [x!];
  },
  grad: (emit, { attrs: { theta, inverse }, dy: [dy] }): Gradients =>
    emit(rope, [dy!], { theta, inverse: !inverse }),
  flops: ({ outputs: [y] }) => 3 * size(y!.shape),
  inPlace: [0],
  call:
    (op) =>
    (emit: Emit, x: Tensor, theta: number): Tensor =>
      emit(op, [x], { theta, inverse: false })[0]!,
});

/** cos and sin of position t's angles, [T, d/2] each, row-major: the table every engine uses. */
export function ropeTable(
  positions: number,
  headDim: number,
  theta: number,
): { cos: Float64Array; sin: Float64Array } {
  const half = headDim / 2;
  const cos = new Float64Array(positions * half);
  const sin = new Float64Array(positions * half);
  for (let t = 0; t < positions; t++) {
    for (let i = 0; i < half; i++) {
      const angle = t * theta ** ((-2 * i) / headDim);
      cos[t * half + i] = Math.cos(angle);
      sin[t * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
