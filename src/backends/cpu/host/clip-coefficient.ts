/** A handful of numbers: plain TypeScript in f64. */
import type { ClipAttrs } from "../../../ops/clip-coefficient.ts";
import type { HostKernel } from "./host-kernel.ts";

export const clipCoefficient: HostKernel<ClipAttrs> = (_, { attrs: { maxNorm } }, squares, [c]) => {
  const norm = Math.sqrt(squares.reduce((total, s) => total + s[0]!, 0));
  c![0] = Math.min(1, maxNorm / (norm + 1e-6));
};
