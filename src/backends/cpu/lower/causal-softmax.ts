/** Softmax under an additive mask, and its gradient. */

import { int } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const causalSoftmax: Lowering<unknown> = (onnx, { inputs: [s] }, [x]) => {
  const t = s!.shape.at(-1)!;
  const mask = onnx.floats("causal mask", [t, t], () =>
    Float32Array.from({ length: t * t }, (_, i) => (i % t > Math.floor(i / t) ? -Infinity : 0)),
  );
  return [onnx.node("Softmax", [onnx.node("Add", [x!, mask])], { axis: int(-1) })];
};

export const softmaxGrad: Lowering<unknown> = (onnx, _, [dp, p]) => {
  const dot = onnx.node("ReduceSum", [onnx.node("Mul", [dp!, p!]), onnx.vector([-1])]);
  return [onnx.node("Mul", [p!, onnx.node("Sub", [dp!, dot])])];
};
