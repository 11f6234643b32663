/** add, scale. */
import type { ScaleAttrs } from "../../../ops/scale.ts";
import type { Lowering } from "../kernel.ts";

export const add: Lowering<unknown> = (onnx, _, [a, b]) => [onnx.node("Add", [a!, b!])];

export const scale: Lowering<ScaleAttrs> = (onnx, { attrs: { factor } }, [x]) => [
  onnx.node("Mul", [x!, onnx.scalar(factor)]),
];
