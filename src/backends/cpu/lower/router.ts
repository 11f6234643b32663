/** What the router makes of its probabilities and logits besides the choice: losses, entropy, weights that add up to 1. */
import type { BalanceLossGradAttrs } from "../../../ops/balance-loss.ts";
import { int } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import type { Lowering } from "./lowering.ts";

export const softmax: Lowering<unknown> = (onnx, _, [x]) => [onnx.node("Softmax", [x!], { axis: int(-1) })];

export const normalizeRows: Lowering<unknown> = (onnx, _, [w]) => [onnx.node("Div", [w!, sumOf(onnx, w!)])];

/** (s dy - rowsum(dy w)) / s^2: exactly 0 where k = 1. */
export const normalizeRowsGrad: Lowering<unknown> = (onnx, _, [dy, w]) => {
  const sum = sumOf(onnx, w!);
  const dot = sumOf(onnx, onnx.node("Mul", [dy!, w!]));
  const rest = onnx.node("Sub", [onnx.node("Mul", [dy!, sum]), dot]);
  return [onnx.node("Div", [rest, onnx.node("Mul", [sum, sum])])];
};

export const balanceLoss: Lowering<unknown> = (onnx, _, [p, counts]) => {
  const means = onnx.node("ReduceMean", [p!, onnx.vector([0])], { keepdims: int(0) });
  return [total(onnx, onnx.node("Mul", [onnx.cast(counts!, "f32"), means]))];
};

export const balanceLossGrad: Lowering<BalanceLossGradAttrs> = (
  onnx,
  { outputs: [t], attrs: { tokens } },
  [dloss, counts],
) => {
  const shares = onnx.node("Mul", [onnx.cast(counts!, "f32"), onnx.scalar(1 / tokens)]);
  return [onnx.node("Expand", [onnx.node("Mul", [shares, dloss!]), onnx.vector(t!.shape)])];
};

export const zLoss: Lowering<unknown> = (onnx, _, [x]) => {
  const lse = logSum(onnx, x!);
  return [total(onnx, onnx.node("Mul", [lse, lse]))];
};

export const zLossGrad: Lowering<unknown> = (onnx, _, [dloss, x]) => {
  const factor = onnx.node("Mul", [onnx.node("Mul", [dloss!, onnx.scalar(2)]), logSum(onnx, x!)]);
  return [onnx.node("Mul", [onnx.node("Softmax", [x!], { axis: int(-1) }), factor])];
};

/** 0 log 0 is 0 log of the smallest normal number. */
export const rowEntropy: Lowering<unknown> = (onnx, { inputs: [t] }, [p]) => {
  const SMALLEST = 2 ** -126;
  const log = onnx.node("Log", [onnx.node("Max", [p!, onnx.scalar(SMALLEST)])]);
  const sum = total(onnx, onnx.node("Mul", [p!, log]));
  return [onnx.node("Mul", [sum, onnx.scalar(-1 / t!.shape[0]!)])];
};

/** Of each row, [N, 1]. */
const sumOf = (onnx: OnnxGraph, x: Value): Value => onnx.node("ReduceSum", [x, onnx.vector([-1])]);

/** log sum exp of each row, [N, 1], the largest taken out first. */
function logSum(onnx: OnnxGraph, x: Value): Value {
  const largest = onnx.node("ReduceMax", [x, onnx.vector([-1])]);
  const rest = sumOf(onnx, onnx.node("Exp", [onnx.node("Sub", [x, largest])]));
  return onnx.node("Add", [onnx.node("Log", [rest]), largest]);
}

/** The sum of all numbers, []. */
const total = (onnx: OnnxGraph, x: Value): Value => onnx.node("ReduceSum", [x], { keepdims: int(0) });
