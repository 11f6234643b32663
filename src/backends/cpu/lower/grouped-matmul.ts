/** One product per expert. ONNX Runtime's products take no rows (and give none), and are zeros where they sum over none. */
import type { GroupedMatmulAttrs } from "../../../ops/grouped-matmul.ts";
import type { Lowering } from "../kernel.ts";
import { int } from "../onnx/attribute.ts";
import type { Value } from "../onnx/onnx-graph.ts";
import { partsOf } from "./expert-rows.ts";

export const groupedMatmul: Lowering<GroupedMatmulAttrs> = (
  onnx,
  { attrs: { transB } },
  [a, counts, ...weights],
) => {
  const parts = partsOf(onnx, a!, { counts: counts!, experts: weights.length }, "product");
  const products = parts.map((part, e) =>
    onnx.node("com.microsoft:FusedMatMul", [part, weights[e]!], { transB: int(transB) }),
  );
  return [onnx.node("Concat", products, { axis: int(0) })];
};

export const groupedMatmulGrad: Lowering<unknown> = (onnx, { outputs }, [left, right, counts]) => {
  const groups = { counts: counts!, experts: outputs.length };
  const parts = (rows: Value) => partsOf(onnx, rows, groups, "gradient");
  const [lefts, rights] = [parts(left!), parts(right!)];
  return lefts.map((part, e) =>
    onnx.node("com.microsoft:FusedMatMul", [part, rights[e]!], { transA: int(true) }),
  );
};
