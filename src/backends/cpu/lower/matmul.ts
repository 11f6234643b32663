/** C = alpha op(A) op(B). */
import { type MatmulAttrs, matrix } from "../../../ops/matmul.ts";
import type { Lowering } from "./lowering.ts";
import { product } from "./product.ts";

export const matmul: Lowering<MatmulAttrs> = (onnx, { inputs: [left, right], attrs }, [a, b]) => {
  const [rows, terms] = matrix(left!.shape, attrs.transA);
  const [, columns] = matrix(right!.shape, attrs.transB);
  return [product(onnx, [a!, b!], { rows, columns, terms }, attrs, left!.shape.length)];
};
