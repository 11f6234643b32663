/**
 * A matmul whose bits do not depend on the number of threads. ONNX Runtime shares a product with fewer rows than
 * columns between threads by columns, and sums over 128 terms at a time, or over more where a thread has 64 columns or
 * fewer. Of a transposed left side it always takes 128: so where rows are few and terms many, that is what it gets.
 */
import { float, int, ints } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";

const TERMS = 128;

export interface MatmulOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
}

/** The result's shape and what is summed over; `rows` at the least, where that varies. */
export interface Extent {
  readonly rows: number;
  readonly columns: number;
  readonly terms: number;
}

/** alpha op(A) op(B) over the last two of `rank` axes: FusedMatMul reads its operands transposed in place. */
export function deterministicMatmul(
  onnx: OnnxGraph,
  [a, b]: readonly [Value, Value],
  { rows, columns, terms }: Extent,
  { transA = false, transB = false, alpha = 1 }: MatmulOptions = {},
  rank = 2,
): Value {
  const turn = !transA && terms > TERMS && rows < columns;
  return onnx.node("com.microsoft:FusedMatMul", [turn ? transposed(onnx, a, rank) : a, b], {
    transA: int(transA || turn),
    transB: int(transB),
    alpha: float(alpha),
  });
}

/** The last two axes exchanged; once for all products that read it. */
const transposed = (onnx: OnnxGraph, x: Value, rank: number): Value =>
  onnx.once(`${x} transposed`, () => {
    const axes = Array.from({ length: rank }, (_, i) => i);
    const perm = [...axes.slice(0, -2), rank - 1, rank - 2];
    return onnx.node("Transpose", [x], { perm: ints(perm) });
  });
