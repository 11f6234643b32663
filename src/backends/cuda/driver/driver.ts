/** The CUDA driver's functions. Every call is checked: one that fails throws what the driver says and how to mend it. */
import { failure } from "./failures.ts";
import { type Bound, type Ffi, type NativeLibrary, receive, type Signatures } from "./ffi.ts";

/** Of every driver that knows bf16; NVIDIA keeps old symbols, and names that changed are those of CUDA 11.4. */
export const driverSignatures = {
  cuInit: ["int", "uint"],
  cuDriverGetVersion: ["int", "memory"],
  cuDeviceGetCount: ["int", "memory"],
  cuDeviceGet: ["int", "memory", "int"],
  cuDeviceGetName: ["int", "memory", "int", "int"],
  cuDeviceGetAttribute: ["int", "memory", "int", "int"],
  cuDeviceTotalMem_v2: ["int", "memory", "int"],
  cuDevicePrimaryCtxRetain: ["int", "memory", "int"],
  cuDevicePrimaryCtxRelease_v2: ["int", "int"],
  cuCtxSetCurrent: ["int", "u64"],
  cuMemGetInfo_v2: ["int", "memory", "memory"],
  cuMemAlloc_v2: ["int", "memory", "u64"],
  cuMemFree_v2: ["int", "u64"],
  cuMemHostAlloc: ["int", "memory", "u64", "uint"],
  cuMemFreeHost: ["int", "u64"],
  cuMemcpyHtoD_v2: ["int", "u64", "memory", "u64"],
  cuMemcpyDtoH_v2: ["int", "memory", "u64", "u64"],
  cuMemcpyHtoDAsync_v2: ["int", "u64", "u64", "u64", "u64"],
  cuMemcpyDtoHAsync_v2: ["int", "u64", "u64", "u64", "u64"],
  cuMemcpyDtoDAsync_v2: ["int", "u64", "u64", "u64", "u64"],
  cuMemsetD8Async: ["int", "u64", "uint", "u64", "u64"],
  cuMemsetD16Async: ["int", "u64", "uint", "u64", "u64"],
  cuMemsetD32Async: ["int", "u64", "uint", "u64", "u64"],
  cuStreamCreate: ["int", "memory", "uint"],
  cuStreamDestroy_v2: ["int", "u64"],
  cuStreamSynchronize: ["int", "u64"],
  cuStreamBeginCapture_v2: ["int", "u64", "int"],
  cuStreamEndCapture: ["int", "u64", "memory"],
  cuGraphInstantiateWithFlags: ["int", "memory", "u64", "u64"],
  cuGraphLaunch: ["int", "u64", "u64"],
  cuGraphExecDestroy: ["int", "u64"],
  cuGraphDestroy: ["int", "u64"],
  cuModuleLoadData: ["int", "memory", "memory"],
  cuModuleUnload: ["int", "u64"],
  cuModuleGetFunction: ["int", "memory", "u64", "string"],
  cuFuncSetAttribute: ["int", "u64", "int", "int"],
  cuLaunchKernel: [
    ...(["int", "u64", "uint", "uint", "uint", "uint", "uint", "uint", "uint"] as const),
    ...(["u64", "u64", "u64"] as const),
  ],
  cuEventCreate: ["int", "memory", "uint"],
  cuEventRecord: ["int", "u64", "u64"],
  cuEventSynchronize: ["int", "u64"],
  cuEventElapsedTime: ["int", "memory", "u64", "u64"],
  cuEventDestroy_v2: ["int", "u64"],
} as const satisfies Signatures;

/** Since CUDA 12.4. */
export const laterSignatures = {
  cuFuncGetParamInfo: ["int", "u64", "u64", "memory", "memory"],
} as const satisfies Signatures;

export const errorSignatures = {
  cuGetErrorName: ["int", "int", "memory"],
  cuGetErrorString: ["int", "int", "memory"],
} as const satisfies Signatures;

type Raw = Bound<typeof driverSignatures>;
/** The functions without their result code. */
export type Driver = { readonly [N in keyof Raw]: (...args: Parameters<Raw[N]>) => void } & {
  /** The function as it is, where a failure is an answer. */
  readonly raw: Raw;
  /** Undefined where the driver is too old to have them. */
  readonly later: Bound<typeof laterSignatures> | undefined;
};

export function bindDriver(ffi: Ffi, library: NativeLibrary): Driver {
  const raw = library.bind(driverSignatures);
  const { cuGetErrorName, cuGetErrorString } = library.bind(errorSignatures);
  const said = (get: typeof cuGetErrorName, code: number): string => {
    const address = receive((out) => get(code, out));
    return address === 0 ? "unknown error" : ffi.text(address);
  };
  const checked = Object.entries(raw).map(([call, f]) => [
    call,
    (...args: readonly never[]) => {
      const code = (f as (...args: readonly never[]) => number)(...args);
      if (code === 0) return;
      throw failure({ call, code, name: said(cuGetErrorName, code), text: said(cuGetErrorString, code) });
    },
  ]);
  return { ...Object.fromEntries(checked), raw, later: later(library) } as Driver;
}

function later(library: NativeLibrary): Driver["later"] {
  try {
    return library.bind(laterSignatures);
  } catch {
    return undefined;
  }
}
