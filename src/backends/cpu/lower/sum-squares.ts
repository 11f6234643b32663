/** Sum of squares of a value that ONNX Runtime has: row by row, then over the rows, which keeps more bits than all at once. */

import { int } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const sumSquares: Lowering<unknown> = (onnx, { inputs: [t] }, [x]) => {
  if (t!.shape.length === 0) return [onnx.node("Mul", [x!, x!])];
  const rows = onnx.node("ReduceSumSquare", [x!, onnx.vector([-1])]);
  return [onnx.node("ReduceSum", [rows], { keepdims: int(0) })];
};
