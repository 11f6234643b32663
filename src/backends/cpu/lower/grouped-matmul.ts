/** One product per expert. ONNX Runtime's products take no rows (and give none), and are zeros where they sum over none. */
import type { GroupedMatmulAttrs } from "../../../ops/grouped-matmul.ts";
import { int } from "../onnx/attribute.ts";
import type { Value } from "../onnx/onnx-graph.ts";
import { deterministicMatmul } from "./deterministic-matmul.ts";
import { joined, partsOf } from "./expert-rows.ts";
import type { Lowering } from "./lowering.ts";

export const groupedMatmul: Lowering<GroupedMatmulAttrs> = (
  onnx,
  { inputs: [rows], outputs: [products], attrs },
  [a, counts, ...weights],
) => {
  const [terms, columns] = [rows!.shape[1]!, products!.shape[1]!];
  const groups = { counts: counts!, experts: weights.length };
  const parts = partsOf(onnx, a!, groups, "matmul");
  const results = parts.map((part, e) =>
    deterministicMatmul(onnx, [part, weights[e]!], { rows: 0, columns, terms }, attrs),
  );
  return [joined(onnx, results, groups)];
};

export const groupedMatmulGrad: Lowering<unknown> = (onnx, { outputs }, [left, right, counts]) => {
  const groups = { counts: counts!, experts: outputs.length };
  const parts = (rows: Value) => partsOf(onnx, rows, groups, "gradient");
  const [lefts, rights] = [parts(left!), parts(right!)];
  return lefts.map((part, e) =>
    onnx.node("com.microsoft:FusedMatMul", [part, rights[e]!], { transA: int(true) }),
  );
};
