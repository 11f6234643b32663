/** Functions of one number, and their gradients. */
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import type { Lowering } from "./lowering.ts";

export const sigmoid: Lowering<unknown> = (onnx, _, [x]) => [onnx.node("Sigmoid", [x!])];

/** dy sigmoid(x) sigmoid(-x). */
export const sigmoidGrad: Lowering<unknown> = (onnx, _, [dy, x]) => [
  onnx.node("Mul", [dy!, sigmoidSlope(onnx, x!)]),
];

export const tanh: Lowering<unknown> = (onnx, _, [x]) => [onnx.node("Tanh", [x!])];

/** dy 4 sigmoid(2x) sigmoid(-2x). */
export const tanhGrad: Lowering<unknown> = (onnx, _, [dy, x]) => {
  const slope = sigmoidSlope(onnx, onnx.node("Add", [x!, x!]));
  return [onnx.node("Mul", [dy!, onnx.node("Mul", [slope, onnx.scalar(4)])])];
};

export const erf: Lowering<unknown> = (onnx, _, [x]) => [onnx.node("Erf", [x!])];

export const erfGrad: Lowering<unknown> = (onnx, _, [dy, x]) => {
  const bell = onnx.node("Exp", [onnx.node("Neg", [square(onnx, x!)])]);
  return [onnx.node("Mul", [dy!, onnx.node("Mul", [bell, onnx.scalar(2 / Math.sqrt(Math.PI))])])];
};

const sigmoidSlope = (onnx: OnnxGraph, x: Value): Value =>
  onnx.node("Mul", [onnx.node("Sigmoid", [x]), onnx.node("Sigmoid", [onnx.node("Neg", [x])])]);

const square = (onnx: OnnxGraph, x: Value): Value => onnx.node("Mul", [x, x]);
