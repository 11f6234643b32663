/** Each token's cross-entropy, and whether its logit is the first of the largest. */

import { int } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import type { Lowering } from "./lowering.ts";

export const tokenLosses: Lowering<unknown> = (onnx, { inputs: [logits] }, [x, targets]) =>
  lossesOf(onnx, logits!.shape[0]!, x!, targets!);

/** x [rows, V], targets i32 [rows] -> losses [rows], correct [rows]. */
export function lossesOf(onnx: OnnxGraph, rows: number, x: Value, targets: Value): readonly [Value, Value] {
  const flat = (value: Value) => onnx.node("Reshape", [value, onnx.vector([rows])]);
  const column = onnx.node("Reshape", [targets, onnx.vector([rows, 1])]);
  const logp = onnx.node("LogSoftmax", [x], { axis: int(-1) });
  const losses = onnx.node("Neg", [flat(onnx.node("GatherElements", [logp, column], { axis: int(1) }))]);
  const argmax = onnx.cast(onnx.node("ArgMax", [x], { axis: int(-1), keepdims: int(0) }), "i32");
  const number = onnx.node("Equal", [losses, losses]); // it is one where all logits are
  const correct = onnx.node("And", [onnx.node("Equal", [argmax, targets]), number]);
  return [losses, onnx.cast(correct, "f32")];
}
