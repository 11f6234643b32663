/** Sum of squares in f64: block by block in a fixed order, wherever the array lies. */
import type { HostKernel } from "./host-kernel.ts";

export const sumSquares: HostKernel<unknown> = (arena, _, [x], [s]) => {
  let total = 0;
  arena.forEachBlock([], [x as Float32Array], (kernels, [at], n) => {
    total += kernels.sumSquares(at!, n);
  });
  s![0] = total;
};
