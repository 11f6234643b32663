/** y = x - mean(x). */
import type { Lowering } from "./lowering.ts";

export const center: Lowering<unknown> = (onnx, _, [x]) => [
  onnx.node("Sub", [x!, onnx.node("ReduceMean", [x!, onnx.vector([-1])])]),
];
