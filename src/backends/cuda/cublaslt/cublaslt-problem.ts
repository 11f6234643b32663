/**
 * A matmul as cuBLASLt is told of it, and which algorithms the library offers for it.
 * The library thinks in columns: row-major C = op(A) op(B) is C^T = op(B)^T op(A)^T there, so A and B trade places.
 */
import { CUBLAS_STATUS, LAYOUT, CUBLASLT as LT } from "../driver/constants.ts";
import { receive, receiveInt } from "../driver/ffi.ts";
import type { Storage } from "../memory/storage.ts";
import type { GemmShape } from "../plan/command-list.ts";
import { type Calls, check } from "./cublaslt-calls.ts";

/** What NVIDIA advises on Hopper. */
export const WORKSPACE_BYTES = 32 * 2 ** 20;

const ALGORITHM_BYTES = LAYOUT["sizeof(cublasLtMatmulAlgo_t)"];
const RESULT_BYTES = LAYOUT["sizeof(cublasLtMatmulHeuristicResult_t)"];
const RESULT_STATE = LAYOUT["offsetof(cublasLtMatmulHeuristicResult_t, state)"];
const CANDIDATES = 16;

/** A matmul's shape with everything that the choice of an algorithm depends on. */
export interface Problem extends GemmShape {
  readonly a: Storage;
  readonly b: Storage;
  readonly c: Storage;
  /** Largest power of two, up to 256, that divides all three addresses. */
  readonly alignment: number;
}

/** The descriptor of the matmul, and the layouts of the library's A, B and C. */
export type Described = readonly [desc: number, first: number, second: number, result: number];

export function describe(calls: Calls, p: Problem): Described {
  const desc = receive((out) =>
    check(
      "cublasLtMatmulDescCreate",
      calls.cublasLtMatmulDescCreate(out, LT.CUBLAS_COMPUTE_32F, LT.CUDA_R_32F),
    ),
  );
  const transpose = (attribute: number, on: boolean) =>
    check(
      "cublasLtMatmulDescSetAttribute",
      calls.cublasLtMatmulDescSetAttribute(
        desc,
        attribute,
        Int32Array.of(on ? LT.CUBLAS_OP_T : LT.CUBLAS_OP_N),
        4,
      ),
    );
  transpose(LT.CUBLASLT_MATMUL_DESC_TRANSA, p.transB);
  transpose(LT.CUBLASLT_MATMUL_DESC_TRANSB, p.transA);
  /** A row-major [rows, columns] matrix, which the library sees as [columns, rows]. */
  const layout = (storage: Storage, rows: number, columns: number, ld: number, stride: number) => {
    const type = storage === "bf16" ? LT.CUDA_R_16BF : LT.CUDA_R_32F;
    const made = receive((out) =>
      check("cublasLtMatrixLayoutCreate", calls.cublasLtMatrixLayoutCreate(out, type, columns, rows, ld)),
    );
    const set = (attribute: number, value: Int32Array | BigInt64Array) =>
      check(
        "cublasLtMatrixLayoutSetAttribute",
        calls.cublasLtMatrixLayoutSetAttribute(made, attribute, value, value.byteLength),
      );
    if (p.batch > 1) {
      set(LT.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, Int32Array.of(p.batch));
      set(LT.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, BigInt64Array.of(BigInt(stride)));
    }
    return made;
  };
  return [
    desc,
    p.transB ? layout(p.b, p.n, p.k, p.ldb, p.strideB) : layout(p.b, p.k, p.n, p.ldb, p.strideB),
    p.transA ? layout(p.a, p.k, p.m, p.lda, p.strideA) : layout(p.a, p.m, p.k, p.lda, p.strideA),
    layout(p.c, p.m, p.n, p.ldc, p.strideC),
  ];
}

/** The library's own favourite first. */
export function heuristics(
  calls: Calls,
  handle: number,
  made: Described,
  problem: Problem,
): readonly Uint8Array[] {
  const preference = receive((out) =>
    check("cublasLtMatmulPreferenceCreate", calls.cublasLtMatmulPreferenceCreate(out)),
  );
  const prefer = (attribute: number, value: BigUint64Array | Uint32Array) =>
    check(
      "cublasLtMatmulPreferenceSetAttribute",
      calls.cublasLtMatmulPreferenceSetAttribute(preference, attribute, value, value.byteLength),
    );
  prefer(LT.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, BigUint64Array.of(BigInt(WORKSPACE_BYTES)));
  // Where the sum over k is split among blocks, its parts are added in f32, never in a result's bf16.
  if (problem.c === "bf16")
    prefer(
      LT.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      Uint32Array.of(LT.CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE),
    );
  for (const side of ["A", "B", "C", "D"] as const)
    prefer(LT[`CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_${side}_BYTES`], Uint32Array.of(problem.alignment));
  const results = new Uint8Array(CANDIDATES * RESULT_BYTES);
  const [desc, first, second, result] = made;
  const found = receiveInt((count) =>
    check(
      `cublasLtMatmulAlgoGetHeuristic for ${problemText(problem)}`,
      calls.cublasLtMatmulAlgoGetHeuristic(
        ...([handle, desc, first, second, result, result, preference] as const),
        ...([CANDIDATES, results, count] as const),
      ),
    ),
  );
  calls.cublasLtMatmulPreferenceDestroy(preference);
  const states = new DataView(results.buffer);
  const working = Array.from({ length: found }, (_, i) => i * RESULT_BYTES).filter(
    (at) => states.getInt32(at + RESULT_STATE, true) === CUBLAS_STATUS.CUBLAS_STATUS_SUCCESS,
  );
  if (working.length === 0) throw new Error(`cuBLASLt has no algorithm for ${problemText(problem)}`);
  return working.map((at) => results.slice(at, at + ALGORITHM_BYTES));
}

/** `[512, 1024] x [1024, 4096] bf16 -> f32`. */
export function problemText({ m, n, k, batch, a, c, transA, transB }: Problem): string {
  const times = batch > 1 ? `${batch} of ` : "";
  return `${times}[${m}, ${k}]${transA ? "^T" : ""} x [${k}, ${n}]${transB ? "^T" : ""} ${a} -> ${c}`;
}
