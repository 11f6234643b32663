/**
 * SwiGLU's pointwise half, in as few passes over [N, F] as ONNX has ops for. QuickGelu with alpha 1 is silu.
 * With s = sigmoid(z) and a = z s, silu'(z) = s (1 + z (1 - s)) = a + s (1 - a).
 */
import type { Lowering } from "../kernel.ts";
import { float } from "../onnx/attribute.ts";

export const swiglu: Lowering<unknown> = (onnx, _, [gate, up]) => {
  const silu = onnx.node("com.microsoft:QuickGelu", [gate!], { alpha: float(1) });
  return [onnx.node("Mul", [silu, up!])];
};

export const swigluGrad: Lowering<unknown> = (onnx, _, [dy, gate, up]) => {
  const s = onnx.node("Sigmoid", [gate!]);
  const a = onnx.node("Mul", [gate!, s]);
  const dup = onnx.node("Mul", [dy!, a]);
  const slope = onnx.node("Add", [a, onnx.node("Mul", [s, onnx.node("Sub", [onnx.scalar(1), a])])]);
  return [onnx.node("Mul", [onnx.node("Mul", [dy!, up!]), slope]), dup];
};
