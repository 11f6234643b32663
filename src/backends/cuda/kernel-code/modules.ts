/** Loaded kernels, and their parameters checked before the first launch. */
import { CUDA } from "../driver/constants.ts";
import { receive } from "../driver/ffi.ts";
import type { GpuSession } from "../driver/gpu.ts";
import type { KernelSpec, Param } from "../plan/command-list.ts";
import type { KernelCode } from "./kernel-code.ts";

export interface LoadedKernel {
  readonly name: string;
  readonly handle: number;
  /** Bytes from the start of the parameter block, and sizes, in order; undefined where the driver does not say. */
  readonly parameters: readonly { readonly offset: number; readonly bytes: number }[] | undefined;
}

export type Kernels = (spec: KernelSpec) => LoadedKernel;

export function kernelLoader({ driver }: GpuSession, code: KernelCode): Kernels {
  const modules = new Map<string, number>();
  const loaded = new Map<string, LoadedKernel>();

  const moduleOf = (spec: KernelSpec): number => {
    const key = code.keyOf(spec);
    const known = modules.get(key);
    if (known !== undefined) return known;
    const module = receive((out) => driver.cuModuleLoadData(out, code.of(spec)));
    modules.set(key, module);
    return module;
  };

  return (spec) => {
    const key = JSON.stringify([spec.file, spec.kernel, Object.entries(spec.define).sort()]);
    const known = loaded.get(key);
    if (known !== undefined) return known;
    const module = moduleOf(spec);
    const handle = receive((out) => driver.cuModuleGetFunction(out, module, spec.kernel));
    const kernel = { name: spec.kernel, handle, parameters: parametersOf(driver, handle) };
    loaded.set(key, kernel);
    return kernel;
  };
}

/** As the compiled kernel has them. The call fails for the first index that does not exist. */
function parametersOf(driver: GpuSession["driver"], handle: number): LoadedKernel["parameters"] {
  const { later } = driver;
  if (later === undefined) return undefined;
  const [offset, bytes] = [new BigUint64Array(1), new BigUint64Array(1)];
  const found: { offset: number; bytes: number }[] = [];
  while (later.cuFuncGetParamInfo(handle, found.length, offset, bytes) === 0)
    found.push({ offset: Number(offset[0]), bytes: Number(bytes[0]) });
  return found;
}

/** Throws unless the arguments are what the compiled kernel takes: a wrong one would end the process, or worse. */
export function requireFitting({ name, parameters }: LoadedKernel, args: readonly Param[]): void {
  const bytesOf = (arg: Param) => {
    if (arg !== null && "pointers" in arg) return 8 * arg.pointers.length;
    return arg === null || "base" in arg ? 8 : 4;
  };
  if (parameters === undefined) return;
  const fits = args.length === parameters.length && args.every((a, i) => bytesOf(a) === parameters[i]!.bytes);
  if (fits) return;
  const [got, wanted] = [args.map(bytesOf), parameters.map((p) => p.bytes)];
  throw new Error(`kernel ${name} takes parameters of ${wanted.join(", ")} bytes, got ${got.join(", ")}`);
}

/** What each kernel has been allowed. */
const allowed = new WeakMap<LoadedKernel, number>();

/** What a block may have without asking. */
const FREE_BYTES = 48 * 1024;
/** Per cent of what a multiprocessor divides between shared memory and its first cache. */
const ALL_OF_IT = 100;

/**
 * Lets the kernel have that much dynamic shared memory, or more if it was allowed more: only 48 KiB are free to take,
 * and what it has by declaration is taken from them. One that takes more has its data there and not in the cache, of
 * which it leaves nothing, so that several of its blocks find room.
 */
export function allowShared({ driver, info }: GpuSession, kernel: LoadedKernel, bytes: number): void {
  if (bytes > info.sharedBytes)
    throw new Error(
      `kernel ${kernel.name} wants ${bytes} bytes of shared memory, a block has ${info.sharedBytes}`,
    );
  if (bytes <= (allowed.get(kernel) ?? 0)) return;
  driver.cuFuncSetAttribute(kernel.handle, CUDA.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes);
  const { CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: preferred } = CUDA;
  if (bytes > FREE_BYTES) driver.cuFuncSetAttribute(kernel.handle, preferred, ALL_OF_IT);
  allowed.set(kernel, bytes);
}
