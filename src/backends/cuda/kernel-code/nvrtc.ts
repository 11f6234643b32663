/** NVRTC: kernels from source to machine code for one GPU, when they are first needed. */
import { GpuUnavailable } from "../driver/failures.ts";
import { type Bound, type NativeLibrary, receive, type Signatures } from "../driver/ffi.ts";

export const nvrtcSignatures = {
  nvrtcVersion: ["int", "memory", "memory"],
  nvrtcGetErrorString: ["string", "int"],
  nvrtcCreateProgram: ["int", "memory", "string", "string", "int", "strings", "strings"],
  nvrtcCompileProgram: ["int", "u64", "int", "strings"],
  nvrtcGetProgramLogSize: ["int", "u64", "memory"],
  nvrtcGetProgramLog: ["int", "u64", "memory"],
  nvrtcGetCUBINSize: ["int", "u64", "memory"],
  nvrtcGetCUBIN: ["int", "u64", "memory"],
  nvrtcDestroyProgram: ["int", "memory"],
} as const satisfies Signatures;

export interface Source {
  /** For messages: the file's name. */
  readonly name: string;
  readonly text: string;
  /** What it may `#include`, by name. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Compiler {
  /** Whatever changes the code it makes: part of the cache's key. */
  readonly version: string;
  /** A cubin; throws with the compiler's log. */
  compile(source: Source, options: readonly string[]): Uint8Array;
}

export function nvrtc(library: NativeLibrary): Compiler {
  const calls = library.bind(nvrtcSignatures);
  const check = (call: string, code: number) => {
    if (code !== 0) throw new Error(`${call}: ${calls.nvrtcGetErrorString(code)} (${code})`);
  };
  const [major, minor] = [new Int32Array(1), new Int32Array(1)];
  check("nvrtcVersion", calls.nvrtcVersion(major, minor));
  return {
    version: `nvrtc ${major[0]}.${minor[0]}`,
    compile({ name, text, headers }, options) {
      const [names, texts] = [Object.keys(headers), Object.values(headers)];
      const program = receive((out) =>
        check("nvrtcCreateProgram", calls.nvrtcCreateProgram(out, text, name, names.length, texts, names)),
      );
      try {
        const code = calls.nvrtcCompileProgram(program, options.length, options);
        if (code !== 0) throw refusal(name, options, logOf(calls, program));
        const size = receive((out) => check("nvrtcGetCUBINSize", calls.nvrtcGetCUBINSize(program, out)));
        const cubin = new Uint8Array(size);
        check("nvrtcGetCUBIN", calls.nvrtcGetCUBIN(program, cubin));
        return cubin;
      } finally {
        calls.nvrtcDestroyProgram(BigUint64Array.of(BigInt(program)));
      }
    },
  };
}

function logOf(calls: Bound<typeof nvrtcSignatures>, program: number): string {
  const log = new Uint8Array(receive((out) => calls.nvrtcGetProgramLogSize(program, out)));
  if (log.length > 0) calls.nvrtcGetProgramLog(program, log);
  return new TextDecoder().decode(log).replace(/\0.*$/s, "").trim();
}

/** Kernels are written for NVRTC 12 and 13: one that it does not take points to another version. */
const refusal = (name: string, options: readonly string[], log: string): Error =>
  new GpuUnavailable(
    `NVRTC does not compile ${name} with ${options.join(" ")}:\n${log}\n`,
    "try NVRTC 12 or 13 of another CUDA release by HNORM_CUDA_LIBRARIES, or `engine: cpu`",
  );
