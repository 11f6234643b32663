/** C = alpha op(A) op(B): ONNX Runtime's FusedMatMul reads its operands transposed in place. */
import type { MatmulAttrs } from "../../../ops/matmul.ts";
import type { Lowering } from "../kernel.ts";
import { float, int } from "../onnx/attribute.ts";

export const matmul: Lowering<MatmulAttrs> = (onnx, { attrs: { transA, transB, alpha } }, [a, b]) => [
  onnx.node("com.microsoft:FusedMatMul", [a!, b!], {
    transA: int(transA),
    transB: int(transB),
    alpha: float(alpha),
  }),
];
