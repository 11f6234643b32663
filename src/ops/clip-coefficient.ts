/** Clipping by the global norm (Pascanu et al. 2013), as PyTorch defines it: the norm of all gradients, one factor on all. */
import type { Emit, Tensor } from "../graph/graph.ts";
import { defineOp } from "./define.ts";

export interface ClipAttrs {
  /** Largest L2 norm the whole gradient may have; Infinity turns clipping off. */
  readonly maxNorm: number;
}

/** What the op means, in f64: for engines that compute it on the host, and for the trainer, which reports it. */
export function clipped(
  squaredNorms: readonly number[],
  maxNorm: number,
): { readonly norm: number; readonly coefficient: number } {
  const norm = Math.sqrt(squaredNorms.reduce((total, s) => total + s, 0));
  return { norm, coefficient: Math.min(1, maxNorm / (norm + 1e-6)) };
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
