/**
 * Matrix products by cuBLASLt: descriptors made once for each shape, the algorithm chosen once by measurement.
 * The library thinks in columns: row-major C = op(A) op(B) is C^T = op(B)^T op(A)^T there, so A and B trade places.
 */
import { CUBLAS_STATUS, CUDA_ERROR, LAYOUT, CUBLASLT as LT } from "./constants.ts";
import { failure } from "./failures.ts";
import { type Bound, type NativeLibrary, receive, receiveInt, type Signatures } from "./ffi.ts";
import type { GpuSession } from "./gpu.ts";
import type { Storage } from "./lowering.ts";
import type { GemmShape } from "./script.ts";

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

export const ALGORITHM_BYTES = LAYOUT["sizeof(cublasLtMatmulAlgo_t)"];
const RESULT_BYTES = LAYOUT["sizeof(cublasLtMatmulHeuristicResult_t)"];
const RESULT_STATE = LAYOUT["offsetof(cublasLtMatmulHeuristicResult_t, state)"];

/** What NVIDIA advises on Hopper. */
export const WORKSPACE_BYTES = 32 * 2 ** 20;

/** A product's shape with everything that the choice of an algorithm depends on. */
export interface Problem extends GemmShape {
  readonly a: Storage;
  readonly b: Storage;
  readonly c: Storage;
  /** Largest power of two, up to 256, that divides all three addresses. */
  readonly alignment: number;
}

export interface Addresses {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** A problem made ready: descriptors, and the algorithms that the library offers for it, its own favourite first. */
export interface Prepared {
  readonly problem: Problem;
  readonly candidates: readonly Uint8Array[];
  run(addresses: Addresses, algorithm: Uint8Array, workspace: number): void;
}

export interface CublasLt {
  readonly version: number;
  prepare(problem: Problem): Prepared;
  close(): void;
}

const CANDIDATES = 16;

export function cublasLt(library: NativeLibrary, session: GpuSession): CublasLt {
  const { stream } = session;
  const calls = library.bind(cublasLtSignatures);
  const handle = receive((out) => check("cublasLtCreate", calls.cublasLtCreate(out)));
  return {
    version: calls.cublasLtGetVersion(),
    prepare(problem) {
      const made = describe(calls, problem);
      const candidates = heuristics(calls, handle, made, problem);
      const { alpha, beta } = problem;
      const [alphas, betas] = [Float32Array.of(alpha), Float32Array.of(beta)];
      const [desc, first, second, result] = made;
      return {
        problem,
        candidates,
        run({ a, b, c }, algorithm, workspace) {
          const code = calls.cublasLtMatmul(
            ...([handle, desc, alphas, b, first, a, second, betas] as const),
            ...([c, result, c, result, algorithm, workspace, WORKSPACE_BYTES, stream] as const),
          );
          // The library says only that something failed; what it was, the driver says, in the next call that waits.
          if (code === EXECUTION_FAILED) session.synchronize();
          check(`cublasLtMatmul of ${problemText(problem)}`, code);
        },
      };
    },
    close: () => void calls.cublasLtDestroy(handle),
  };
}

type Calls = Bound<typeof cublasLtSignatures>;
/** The descriptor of the product, and the layouts of the library's A, B and C. */
type Described = readonly [desc: number, first: number, second: number, result: number];

function describe(calls: Calls, p: Problem): Described {
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

function heuristics(calls: Calls, handle: number, made: Described, problem: Problem): readonly Uint8Array[] {
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

const NAMES = new Map<number, string>(Object.entries(CUBLAS_STATUS).map(([name, status]) => [status, name]));
const EXECUTION_FAILED = CUBLAS_STATUS.CUBLAS_STATUS_EXECUTION_FAILED;

function check(call: string, status: number): void {
  if (status === 0) return;
  const name = NAMES.get(status) ?? "unknown status";
  if (status === EXECUTION_FAILED)
    throw failure({
      call,
      code: CUDA_ERROR.CUDA_ERROR_LAUNCH_FAILED,
      name,
      text: "the product failed on the GPU",
    });
  throw new Error(`${call}: ${name} (${status})`);
}

/** `[512, 1024] x [1024, 4096] bf16 -> f32`. */
function problemText({ m, n, k, batch, a, c, transA, transB }: Problem): string {
  const times = batch > 1 ? `${batch} of ` : "";
  return `${times}[${m}, ${k}]${transA ? "^T" : ""} x [${k}, ${n}]${transB ? "^T" : ""} ${a} -> ${c}`;
}
