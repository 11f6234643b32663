/** cuBLASLt's functions as they are called, and what their status means. */
import { CUBLAS_STATUS, CUDA_ERROR } from "../driver/constants.ts";
import { failure } from "../driver/failures.ts";
import type { Bound, Signatures } from "../driver/ffi.ts";

export const cublasLtSignatures = {
  cublasLtGetVersion: ["u64"],
  cublasLtCreate: ["int", "memory"],
  cublasLtDestroy: ["int", "u64"],
  cublasLtMatmulDescCreate: ["int", "memory", "int", "int"],
  cublasLtMatmulDescDestroy: ["int", "u64"],
  cublasLtMatmulDescSetAttribute: ["int", "u64", "int", "memory", "u64"],
  cublasLtMatrixLayoutCreate: ["int", "memory", "int", "u64", "u64", "u64"],
  cublasLtMatrixLayoutDestroy: ["int", "u64"],
  cublasLtMatrixLayoutSetAttribute: ["int", "u64", "int", "memory", "u64"],
  cublasLtMatmulPreferenceCreate: ["int", "memory"],
  cublasLtMatmulPreferenceDestroy: ["int", "u64"],
  cublasLtMatmulPreferenceSetAttribute: ["int", "u64", "int", "memory", "u64"],
  cublasLtMatmulAlgoGetHeuristic: [
    ...(["int", "u64", "u64", "u64", "u64", "u64", "u64", "u64"] as const),
    ...(["int", "memory", "memory"] as const),
  ],
  cublasLtMatmul: [
    ...(["int", "u64", "u64", "memory", "u64", "u64", "u64", "u64", "memory"] as const),
    ...(["u64", "u64", "u64", "u64", "memory", "u64", "u64", "u64"] as const),
  ],
} as const satisfies Signatures;

export type Calls = Bound<typeof cublasLtSignatures>;

const NAMES = new Map<number, string>(Object.entries(CUBLAS_STATUS).map(([name, status]) => [status, name]));
export const EXECUTION_FAILED = CUBLAS_STATUS.CUBLAS_STATUS_EXECUTION_FAILED;

/** Throws what the status of a call says, unless it succeeded. */
export function check(call: string, status: number): void {
  if (status === 0) return;
  const name = NAMES.get(status) ?? "unknown status";
  if (status === EXECUTION_FAILED)
    throw failure({
      call,
      code: CUDA_ERROR.CUDA_ERROR_LAUNCH_FAILED,
      name,
      text: "the matmul failed on the GPU",
    });
  throw new Error(`${call}: ${name} (${status})`);
}
