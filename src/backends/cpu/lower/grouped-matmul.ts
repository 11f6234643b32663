/** One product per expert. ONNX Runtime's products take no rows (and give none), and are zeros where they sum over none. */
import type { GroupedMatmulAttrs } from "../../../ops/grouped-matmul.ts";
import type { Lowering } from "../kernel.ts";
import { int, ints } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import { partsOf } from "./expert-rows.ts";

/**
 * ONNX Runtime shares a product with fewer rows than columns between threads by columns, and sums over 128 terms at a
 * time, or over more where a thread has 64 columns or fewer: the bits would depend on the number of threads. Of a
 * transposed left side it always takes 128. Wide products stay as they are, good for eight threads.
 */
const TERMS = 128;
const WIDE = 8 * (64 + 16);

export const groupedMatmul: Lowering<GroupedMatmulAttrs> = (
  onnx,
  { inputs: [rows], outputs: [products], attrs: { transB } },
  [a, counts, ...weights],
) => {
  const transA = rows!.shape[1]! > TERMS && products!.shape[1]! < WIDE;
  const parts = partsOf(onnx, a!, { counts: counts!, experts: weights.length }, "product");
  const results = parts.map((part, e) =>
    onnx.node("com.microsoft:FusedMatMul", [transA ? transposed(onnx, part) : part, weights[e]!], {
      transA: int(transA),
      transB: int(transB),
    }),
  );
  return [onnx.node("Concat", results, { axis: int(0) })];
};

export const groupedMatmulGrad: Lowering<unknown> = (onnx, { outputs }, [left, right, counts]) => {
  const groups = { counts: counts!, experts: outputs.length };
  const parts = (rows: Value) => partsOf(onnx, rows, groups, "gradient");
  const [lefts, rights] = [parts(left!), parts(right!)];
  return lefts.map((part, e) =>
    onnx.node("com.microsoft:FusedMatMul", [part, rights[e]!], { transA: int(true) }),
  );
};

const transposed = (onnx: OnnxGraph, part: Value): Value =>
  onnx.once(`${part} transposed`, () => onnx.node("Transpose", [part], { perm: ints([1, 0]) }));
