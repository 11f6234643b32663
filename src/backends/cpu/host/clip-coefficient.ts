/** A handful of numbers: plain TypeScript in f64. */
import { type ClipAttrs, clipped } from "../../../ops/clip-coefficient.ts";
import type { HostKernel } from "./host-kernel.ts";

export const clipCoefficient: HostKernel<ClipAttrs> = (_, { attrs: { maxNorm } }, squares, [c]) => {
  const squaredNorms = squares.map(([s]) => s!);
  c![0] = clipped(squaredNorms, maxNorm).coefficient;
};
