/** The factor of global-norm clipping (Pascanu et al. 2013), as PyTorch defines it. */
import type { Emit, Tensor } from "../graph/graph.ts";
import { defineOp } from "./define.ts";

export interface ClipAttrs {
  /** Largest L2 norm the whole gradient may have; Infinity turns clipping off. */
  readonly maxNorm: number;
}

/** Squared norms [] of each tensor -> c = min(1, maxNorm / (sqrt(their sum) + 1e-6)) []. */
export const clipCoefficient = defineOp<ClipAttrs>()({
  name: "clipCoefficient",
  infer: ([first]) => [first!],
  flops: ({ inputs }) => inputs.length,
  call:
    (op) =>
    (emit: Emit, squaredNorms: readonly Tensor[], maxNorm: number): Tensor =>
      emit(op, squaredNorms, { maxNorm })[0]!,
});
