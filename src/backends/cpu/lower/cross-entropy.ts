/** Weighted cross-entropy and its gradient. */

import { int, text } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const crossEntropy: Lowering<unknown> = (onnx, { inputs: [logits] }, [x, targets, weights]) => {
  const rows = logits!.shape[0]!;
  const logp = onnx.node("LogSoftmax", [x!], { axis: int(-1) });
  const column = onnx.node("Reshape", [targets!, onnx.vector([rows, 1])]);
  const picked = onnx.node("Reshape", [
    onnx.node("GatherElements", [logp, column], { axis: int(1) }),
    onnx.vector([rows]),
  ]);
  const total = onnx.node("ReduceSum", [onnx.node("Mul", [picked, weights!]), onnx.vector([0])], {
    keepdims: int(0),
  });
  return [onnx.node("Neg", [total]), logp];
};

export const crossEntropyGrad: Lowering<unknown> = (
  onnx,
  { inputs: [t] },
  [logp, targets, weights, dloss],
) => {
  const rows = t!.shape[0]!;
  const column = onnx.node("Reshape", [targets!, onnx.vector([rows, 1])]);
  const w = onnx.node("Reshape", [onnx.node("Mul", [weights!, dloss!]), onnx.vector([rows, 1])]);
  const weighted = onnx.node("Mul", [onnx.node("Exp", [logp!]), w]);
  const minus = onnx.node("Neg", [w]);
  return [onnx.node("ScatterElements", [weighted, column, minus], { axis: int(1), reduction: text("add") })];
};
