/** C = alpha op(A) op(B). */
import { type MatmulAttrs, matrix } from "../../../ops/matmul.ts";
import { deterministicMatmul } from "./deterministic-matmul.ts";
import type { Lowering } from "./lowering.ts";

export const matmul: Lowering<MatmulAttrs> = (onnx, { inputs: [left, right], attrs }, [a, b]) => {
  const [rows, terms] = matrix(left!.shape, attrs.transA);
  const [, columns] = matrix(right!.shape, attrs.transB);
  return [deterministicMatmul(onnx, [a!, b!], { rows, columns, terms }, attrs, left!.shape.length)];
};
