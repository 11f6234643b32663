/** Functions of one number, and their gradients. */
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import type { Lowering } from "./lowering.ts";

export const sigmoid: Lowering<unknown> = (onnx, _, [x]) => [onnx.node("Sigmoid", [x!])];

/** dy (y - y^2). */
export const sigmoidGrad: Lowering<unknown> = (onnx, _, [dy, y]) => [
  onnx.node("Mul", [dy!, onnx.node("Sub", [y!, square(onnx, y!)])]),
];

export const tanh: Lowering<unknown> = (onnx, _, [x]) => [onnx.node("Tanh", [x!])];

export const tanhGrad: Lowering<unknown> = (onnx, _, [dy, y]) => [
  onnx.node("Mul", [dy!, onnx.node("Sub", [onnx.scalar(1), square(onnx, y!)])]),
];

export const erf: Lowering<unknown> = (onnx, _, [x]) => [onnx.node("Erf", [x!])];

export const erfGrad: Lowering<unknown> = (onnx, _, [dy, x]) => {
  const bell = onnx.node("Exp", [onnx.node("Neg", [square(onnx, x!)])]);
  return [onnx.node("Mul", [dy!, onnx.node("Mul", [bell, onnx.scalar(2 / Math.sqrt(Math.PI))])])];
};

const square = (onnx: OnnxGraph, x: Value): Value => onnx.node("Mul", [x, x]);
