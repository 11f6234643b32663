/**
 * SwiGLU's pointwise half, in as few passes over [N, F] as ONNX has ops for; QuickGelu with alpha 1 is silu. With
 * s = sigmoid(gate) and e = dy s:   dup = e gate,   dgate = up (e + dup (1 - s)) = up (e + dup - dup s).
 */

import { float } from "../onnx/attribute.ts";
import { rowByRow } from "./expert-rows.ts";
import type { Lowering } from "./lowering.ts";

export const swiglu: Lowering<unknown> = (onnx, _, inputs) =>
  rowByRow(onnx, inputs, ([gate, up]) => {
    const silu = onnx.node("com.microsoft:QuickGelu", [gate!], { alpha: float(1) });
    return [onnx.node("Mul", [silu, up!])];
  });

export const swigluGrad: Lowering<unknown> = (onnx, _, inputs) =>
  rowByRow(onnx, inputs, ([dy, gate, up]) => {
    const s = onnx.node("Sigmoid", [gate!]);
    const e = onnx.node("Mul", [dy!, s]);
    const dup = onnx.node("Mul", [e, gate!]);
    const rest = onnx.node("Sub", [dup, onnx.node("Mul", [dup, s])]);
    return [onnx.node("Mul", [onnx.node("Add", [e, rest]), up!]), dup];
  });
