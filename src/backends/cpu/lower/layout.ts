/** reshape (free: ONNX Runtime aliases the memory) and transpose. */
import type { ReshapeAttrs } from "../../../ops/reshape.ts";
import type { TransposeAttrs } from "../../../ops/transpose.ts";
import { ints } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const reshape: Lowering<ReshapeAttrs> = (onnx, { attrs: { shape } }, [x]) => [
  onnx.node("Reshape", [x!, onnx.vector(shape)]),
];

export const transpose: Lowering<TransposeAttrs> = (onnx, { attrs: { perm } }, [x]) => [
  onnx.node("Transpose", [x!], { perm: ints(perm) }),
];
