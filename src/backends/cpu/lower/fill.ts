/** A constant, expanded from one number at run time: a large one is not worth storing in the model. */
import type { FillAttrs } from "../../../ops/fill.ts";
import type { Lowering } from "./lowering.ts";

export const fill: Lowering<FillAttrs> = (onnx, { attrs: { shape, value } }) => [
  onnx.node("Expand", [onnx.scalar(value), onnx.vector(shape)]),
];
