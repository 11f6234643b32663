/**
 * RMSNorm by ONNX Runtime's fused kernel, whose second output is r. The gradient is rearranged to few passes over
 * [N, D]: with u = dy x, the row sums of g dy n are r (u g) and the column sums of dy n are (r^T u), two thin products.
 *   dx = r (g dy) - x (r^3 / D) (u g),   dg = r^T u.
 * ONNX Runtime's product with a single column sums in another order for a thread's last few rows: what is not multiplied
 * by 1 goes the way of all products, where the bits do not depend on how rows are shared. Halving and doubling is exact.
 */
import { size } from "../../../graph/graph.ts";
import type { RmsNormAttrs } from "../../../ops/rms-norm.ts";
import { float, int } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const rmsNorm: Lowering<RmsNormAttrs> = (onnx, { attrs: { eps } }, [x, g]) =>
  onnx.nodes("SimplifiedLayerNormalization", 2, [x!, g!], {
    axis: int(-1),
    epsilon: float(eps),
    stash_type: int(1),
  });

export const rmsNormGrad: Lowering<unknown> = (onnx, { inputs: [, tx, , tr] }, [dy, x, g, r]) => {
  const d = tx!.shape.at(-1)!;
  const rows = size(tr!.shape);
  const u = onnx.node("Mul", [dy!, x!]);

  const flat = onnx.node("Reshape", [u, onnx.vector([rows, d])]);
  const column = onnx.node("Reshape", [r!, onnx.vector([1, rows])]);
  const dg = onnx.node("Reshape", [onnx.node("MatMul", [column, flat]), onnx.vector([d])]);

  const gain = onnx.node("Reshape", [g!, onnx.vector([d, 1])]);
  const half = onnx.node("com.microsoft:FusedMatMul", [u, gain], { alpha: float(0.5) });
  const cube = onnx.node("Mul", [onnx.node("Mul", [r!, r!]), onnx.node("Mul", [r!, onnx.scalar(2 / d)])]);
  const along = onnx.node("Mul", [x!, onnx.node("Mul", [half, cube])]);
  const dx = onnx.node("Sub", [onnx.node("Mul", [onnx.node("Mul", [dy!, g!]), r!]), along]);
  return [dx, dg];
};
