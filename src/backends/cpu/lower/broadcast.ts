/** Products and sums with a smaller operand, which ONNX broadcasts by itself, and their gradients' sums. */
import { broadcast } from "../../../ops/broadcast.ts";
import type { SumToAttrs } from "../../../ops/sum-to.ts";
import { int } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const mul: Lowering<unknown> = (onnx, _, inputs) => [onnx.node("Mul", inputs)];

export const bias: Lowering<unknown> = (onnx, _, inputs) => [onnx.node("Add", inputs)];

export const sumTo: Lowering<SumToAttrs> = (onnx, { inputs: [t], attrs: { shape } }, [x]) => {
  const axes = t!.shape.map((_, axis) => axis);
  const how = broadcast(shape, t!.shape);
  if (how === "rows") return [onnx.node("ReduceSum", [x!, onnx.vector(axes.slice(-1))])];
  const over = how === "one" ? axes : axes.slice(0, -1);
  const sum = onnx.node("ReduceSum", [x!, onnx.vector(over)], { keepdims: int(0) });
  return [onnx.node("Reshape", [sum, onnx.vector(shape)])];
};
