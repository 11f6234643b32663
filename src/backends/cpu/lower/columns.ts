/** Columns put side by side, taken out and put back among zeros. */
import type { PadAttrs, SliceAttrs } from "../../../ops/slice.ts";
import { int } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const concat: Lowering<unknown> = (onnx, _, xs) => [onnx.node("Concat", xs, { axis: int(-1) })];

export const slice: Lowering<SliceAttrs> = (onnx, { attrs: { start, length } }, [x]) => [
  onnx.node("Slice", [x!, ...[start, start + length, -1].map((n) => onnx.vector([n]))]),
];

export const pad: Lowering<PadAttrs> = (onnx, { inputs: [t], attrs: { before, after } }, [x]) => {
  const none = t!.shape.slice(1).map(() => 0);
  return [onnx.node("Pad", [x!, onnx.vector([...none, before, ...none, after])])];
};
