/** C = alpha op(A) op(B) over equal batch axes, loops in an order that reads memory along rows. */
import { size } from "../../graph/graph.ts";
import { type MatmulAttrs, matrix } from "../../ops/matmul.ts";
import type { Kernel } from "./kernel.ts";

export const matmul: Kernel<MatmulAttrs> = ({ inputs: [ta, tb], attrs }, [a, b], [c]) => {
  const { transA, transB, alpha } = attrs;
  const [m, k] = matrix(ta!.shape, transA);
  const [, n] = matrix(tb!.shape, transB);
  const batches = size(ta!.shape.slice(0, -2));
  const [stepAi, stepAk] = transA ? [1, m] : [k, 1];
  const [stepBk, stepBj] = transB ? [1, k] : [n, 1];
  for (let batch = 0; batch < batches; batch++) {
    const [atA, atB, atC] = [batch * m * k, batch * k * n, batch * m * n];
    for (let i = 0; i < m; i++) {
      for (let l = 0; l < k; l++) {
        const factor = alpha * a![atA + i * stepAi + l * stepAk]!;
        for (let j = 0; j < n; j++) c![atC + i * n + j]! += factor * b![atB + l * stepBk + j * stepBj]!;
      }
    }
  }
};
