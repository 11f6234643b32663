/**
 * One kernel at a time on the emulated GPU: compile, upload, launch, download. Kernels are tested through this and not
 * through the engine, so that each is seen alone and with sizes that no model has.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";

export const KERNELS = join(import.meta.dirname, "../../src/backends/cuda/kernels");

export type Array32 = Float32Array | Int32Array | Uint16Array | Uint32Array;
export type Defines = Readonly<Record<string, number | string>>;
/** A device address, or a 32-bit integer, or a float, or a struct of addresses; plain numbers are integers. */
export type Arg = Address | number | { readonly float: number } | { readonly pointers: readonly Address[] };
type Address = Buffer32 | null;

export interface Buffer32 {
  readonly address: number;
  readonly bytes: number;
}

export interface Launch {
  readonly grid: number | readonly number[];
  readonly block: number | readonly number[];
  readonly shared?: number;
}

export class GpuError extends Error {}

/** A kernel file compiled to a module's bytes. */
export type Compile = (
  file: string,
  source: string,
  defines: Defines,
  options: { raceCheck: boolean },
) => Buffer;

/** The emulated driver of a folder made by buildEmulation(), and its compiler unless another is given. */
export function openGpu(directory: string, compileWith?: Compile) {
  const driver = koffi.load(join(directory, "libcuda.so.1"));
  const nvrtc = koffi.load(join(directory, "libnvrtc.so.13"));
  const f = (lib: ReturnType<typeof koffi.load>, text: string) => lib.func(text);
  const cu = {
    init: f(driver, "int cuInit(unsigned int)"),
    retain: f(driver, "int cuDevicePrimaryCtxRetain(_Out_ void **ctx, int)"),
    setCurrent: f(driver, "int cuCtxSetCurrent(void *)"),
    reset: f(driver, "int cuDevicePrimaryCtxReset_v2(int)"),
    synchronize: f(driver, "int cuCtxSynchronize()"),
    alloc: f(driver, "int cuMemAlloc_v2(_Out_ uint64_t *p, size_t)"),
    free: f(driver, "int cuMemFree_v2(uint64_t)"),
    upload: f(driver, "int cuMemcpyHtoD_v2(uint64_t, const void *, size_t)"),
    download: f(driver, "int cuMemcpyDtoH_v2(void *, uint64_t, size_t)"),
    load: f(driver, "int cuModuleLoadData(_Out_ void **m, const void *)"),
    getFunction: f(driver, "int cuModuleGetFunction(_Out_ void **f, void *, const char *)"),
    paramInfo: f(driver, "int cuFuncGetParamInfo(void *, size_t, _Out_ size_t *, _Out_ size_t *)"),
    setAttribute: f(driver, "int cuFuncSetAttribute(void *, int, int)"),
    launch: f(
      driver,
      "int cuLaunchKernel(void *, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, void *, void **, void **)",
    ),
    detail: f(driver, "const char *cudasim_detail()"),
    set: f(driver, "int cudasim_set(const char *, const char *)"),
  };
  const rtc = {
    create: f(
      nvrtc,
      "int nvrtcCreateProgram(_Out_ void **p, const char *, const char *, int, const char **, const char **)",
    ),
    compile: f(nvrtc, "int nvrtcCompileProgram(void *, int, const char **)"),
    logSize: f(nvrtc, "int nvrtcGetProgramLogSize(void *, _Out_ size_t *)"),
    log: f(nvrtc, "int nvrtcGetProgramLog(void *, void *)"),
    size: f(nvrtc, "int nvrtcGetCUBINSize(void *, _Out_ size_t *)"),
    cubin: f(nvrtc, "int nvrtcGetCUBIN(void *, void *)"),
  };
  const check = (name: string, code: number) => {
    if (code !== 0) throw new GpuError(`${name} gave ${code}: ${cu.detail()}`);
  };
  check("cuInit", cu.init(0));
  const context: unknown[] = [null];
  check("cuDevicePrimaryCtxRetain", cu.retain(context, 0));
  check("cuCtxSetCurrent", cu.setCurrent(context[0]));
  const headers = readdirSync(KERNELS).filter((name) => name.endsWith(".cuh"));
  const modules = new Map<string, unknown>();
  const settings = new Map<string, string | undefined>();

  function load(cubin: Buffer): unknown {
    const module: unknown[] = [null];
    check("cuModuleLoadData", cu.load(module, cubin));
    return module[0];
  }

  function compile(name: string, source: string, defines: Defines): Buffer {
    const program: unknown[] = [null];
    const texts = headers.map((h) => readFileSync(join(KERNELS, h), "utf8"));
    check("nvrtcCreateProgram", rtc.create(program, source, name, headers.length, texts, headers));
    const options = [
      "--gpu-architecture=sm_90a",
      "--std=c++17",
      "-default-device",
      ...Object.entries(defines).map(([key, value]) => `-D${key}=${value}`),
    ];
    const code = rtc.compile(program[0], options.length, options);
    if (code !== 0) {
      const size: number[] = [0];
      rtc.logSize(program[0], size);
      const log = Buffer.alloc(size[0]!);
      rtc.log(program[0], log);
      throw new GpuError(`${name} does not compile (${code}):\n${log.toString("utf8")}`);
    }
    const size: number[] = [0];
    check("nvrtcGetCUBINSize", rtc.size(program[0], size));
    const cubin = Buffer.alloc(size[0]!);
    check("nvrtcGetCUBIN", rtc.cubin(program[0], cubin));
    return cubin;
  }

  function upload(values: Array32): Buffer32 {
    const buffer = alloc(values.byteLength);
    write(buffer, values);
    return buffer;
  }

  function write(buffer: Buffer32, values: Array32): void {
    check("cuMemcpyHtoD", cu.upload(buffer.address, values, values.byteLength));
  }

  /** Device memory of that many bytes, which holds NaN. */
  function alloc(bytes: number): Buffer32 {
    const address: number[] = [0];
    check("cuMemAlloc", cu.alloc(address, Math.max(1, bytes)));
    return { address: Number(address[0]), bytes };
  }

  function download<A extends Array32>(buffer: Buffer32, into: A): A {
    check("cuMemcpyDtoH", cu.download(into, buffer.address, into.byteLength));
    return into;
  }

  /** Launches a kernel of `source` (a text, or a file of kernels/) and waits for it. */
  function run(
    file: string,
    kernel: string,
    defines: Defines,
    launch: Launch,
    args: readonly Arg[],
    source?: string,
  ): void {
    const raceCheck = settings.get("HNORM_CUDA_SIM_RACECHECK") === "1";
    const key = JSON.stringify([file, defines, source, raceCheck]);
    const text = source ?? readFileSync(join(KERNELS, file), "utf8");
    const module = modules.get(key) ?? load((compileWith ?? compile)(file, text, defines, { raceCheck }));
    modules.set(key, module);
    const fn: unknown[] = [null];
    check(`cuModuleGetFunction(${kernel})`, cu.getFunction(fn, module, kernel));
    const [gx = 1, gy = 1, gz = 1] = [launch.grid].flat();
    const [bx = 1, by = 1, bz = 1] = [launch.block].flat();
    const shared = launch.shared ?? 0;
    if (shared > 0) check("cuFuncSetAttribute", cu.setAttribute(fn[0], 8, shared));
    const cells = args.map((arg, i) => {
      const [offset, size]: [number[], number[]] = [[0], [0]];
      check(`parameter ${i} of ${kernel}`, cu.paramInfo(fn[0], i, offset, size));
      const cell = bytesOf(arg);
      if (size[0] !== cell.length)
        throw new GpuError(`parameter ${i} of ${kernel} has ${size[0]} bytes, not ${cell.length}`);
      return cell;
    });
    if (cu.paramInfo(fn[0], args.length, [0], [0]) === 0)
      throw new GpuError(`${kernel} has more than ${args.length} parameters`);
    const table = koffi.alloc("uint64_t", Math.max(1, cells.length));
    const arena = koffi.alloc("uint8_t", Math.max(1, 8 * cells.reduce((n, { length }) => n + length, 0)));
    const base = koffi.address(arena);
    let at = 0;
    cells.forEach((cell, i) => {
      cell.forEach((byte, j) => {
        koffi.encode(arena, at + j, "uint8_t", byte);
      });
      koffi.encode(table, i * 8, "uint64_t", base + BigInt(at));
      at += Math.ceil(cell.length / 8) * 8;
    });
    try {
      check(`cuLaunchKernel(${kernel})`, cu.launch(fn[0], gx, gy, gz, bx, by, bz, shared, null, table, null));
      check(`cuCtxSynchronize after ${kernel}`, cu.synchronize());
    } finally {
      koffi.free(table);
      koffi.free(arena);
      cu.reset(0);
    }
  }

  /** A setting of the emulation (see libcuda.cpp), undefined: none; its old value is nobody's business. */
  const set = (name: string, value: string | undefined) => {
    settings.set(name, value);
    cu.set(name, value ?? null);
  };
  const free = (buffer: Buffer32) => check("cuMemFree", cu.free(buffer.address));
  return { alloc, upload, write, download, free, run, set };
}

export type Gpu = ReturnType<typeof openGpu>;

/** A parameter as the kernel reads it. */
function bytesOf(arg: Arg): Buffer {
  if (arg !== null && typeof arg === "object" && "pointers" in arg)
    return Buffer.concat(arg.pointers.map(bytesOf));
  const isAddress = arg === null || (typeof arg === "object" && "address" in arg);
  const bytes = Buffer.alloc(isAddress ? 8 : 4);
  if (arg === null) bytes.writeBigUInt64LE(0n);
  else if (typeof arg === "number") bytes.writeInt32LE(arg);
  else if ("float" in arg) bytes.writeFloatLE(arg.float);
  else bytes.writeBigUInt64LE(BigInt(arg.address));
  return bytes;
}
