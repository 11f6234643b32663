/** Matmuls by cuBLASLt: descriptors made once for each shape, the algorithm given with every call (tuning.ts). */

import { type NativeLibrary, receive } from "../driver/ffi.ts";
import type { GpuSession } from "../driver/gpu.ts";
import { type Calls, check, cublasLtSignatures, EXECUTION_FAILED } from "./cublaslt-calls.ts";
import { describe, heuristics, type Problem, problemText, WORKSPACE_BYTES } from "./cublaslt-problem.ts";

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

export function cublasLt(library: NativeLibrary, session: GpuSession): CublasLt {
  const { stream } = session;
  const calls: Calls = library.bind(cublasLtSignatures);
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
