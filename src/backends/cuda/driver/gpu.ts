/** One GPU as a thread holds it: what it is, its context and stream, and memory from it, counted. */

import { CUDA } from "./constants.ts";
import type { Driver } from "./driver.ts";
import { type Ffi, type NativeMemory, receive, receiveInt } from "./ffi.ts";

/** The oldest GPUs with bf16 matrix units: Ampere. */
export const OLDEST_SM = 80;

/** All that a driver says of it. */
export interface GpuInfo {
  readonly name: string;
  /** Compute capability as one number: 80, 90. */
  readonly sm: number;
  readonly multiprocessors: number;
  /** Shared memory one block may have. */
  readonly sharedBytes: number;
  readonly memoryBytes: number;
  /** Highest CUDA version the driver knows, as 13000 for 13.0. */
  readonly driverVersion: number;
}

const ATTRIBUTE = {
  multiprocessors: CUDA.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
  major: CUDA.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
  minor: CUDA.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
  sharedBytes: CUDA.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
} as const;

/** Looks at the first visible GPU; throws where there is none. Starts the driver, makes no context. */
export function lookAt(driver: Driver): GpuInfo {
  driver.cuInit(0);
  const device = receiveInt((out) => driver.cuDeviceGet(out, 0));
  const attribute = (which: keyof typeof ATTRIBUTE) =>
    receiveInt((out) => driver.cuDeviceGetAttribute(out, ATTRIBUTE[which], device));
  const name = Buffer.alloc(256);
  driver.cuDeviceGetName(name, name.length, device);
  return {
    name: name.toString("utf8", 0, name.indexOf(0)),
    sm: 10 * attribute("major") + attribute("minor"),
    multiprocessors: attribute("multiprocessors"),
    sharedBytes: attribute("sharedBytes"),
    memoryBytes: receive((out) => driver.cuDeviceTotalMem_v2(out, device)),
    driverVersion: receiveInt((out) => driver.cuDriverGetVersion(out)),
  };
}

/**
 * Of a GPU's memory, what the driver's context, the code of kernels and libraries, and graphs take: about 0.6 GiB on
 * large GPUs, less on small ones, which have fewer multiprocessors. Most of it is taken when the context is there.
 */
export const reserveOf = (memoryBytes: number): number => Math.min(2 ** 30, Math.floor(memoryBytes / 20));

const DRIVERS_STREAM = 0;

/** Device memory. */
export interface Allocation {
  readonly address: number;
  readonly bytes: number;
}

/** Host memory that the GPU copies from and to by itself. */
export type Pinned = NativeMemory;

export class GpuSession {
  readonly driver: Driver;
  readonly ffi: Ffi;
  readonly info: GpuInfo;
  readonly stream: number;
  readonly #device: number;
  readonly #allocations = new Map<number, number>();
  #bytes = 0;

  constructor(ffi: Ffi, driver: Driver) {
    this.ffi = ffi;
    this.driver = driver;
    this.info = lookAt(driver);
    this.#device = receiveInt((out) => driver.cuDeviceGet(out, 0));
    const context = receive((out) => driver.cuDevicePrimaryCtxRetain(out, this.#device));
    driver.cuCtxSetCurrent(context);
    this.stream = receive((out) => driver.cuStreamCreate(out, CUDA.CU_STREAM_NON_BLOCKING));
  }

  /** Bytes allocated and not freed. */
  get allocatedBytes(): number {
    return this.#bytes;
  }

  freeBytes(): number {
    const total = new BigUint64Array(1);
    return receive((free) => this.driver.cuMemGetInfo_v2(free, total));
  }

  /** Zeroed memory. */
  allocate(bytes: number): Allocation {
    const size = Math.max(bytes, 1);
    const address = receive((out) => this.driver.cuMemAlloc_v2(out, size));
    this.#allocations.set(address, bytes);
    this.#bytes += bytes;
    this.driver.cuMemsetD8Async(address, 0, size, this.stream);
    return { address, bytes };
  }

  /**
   * Copies to the GPU and waits until the values are there: the copy goes by the driver's own stream, which does not
   * wait for ours, nor ours for it.
   */
  upload(address: number, values: ArrayBufferView): void {
    this.synchronize();
    this.driver.cuMemcpyHtoD_v2(address, values, values.byteLength);
    this.driver.cuStreamSynchronize(DRIVERS_STREAM);
  }

  free({ address }: Allocation): void {
    this.driver.cuMemFree_v2(address);
    this.#bytes -= this.#allocations.get(address) ?? 0;
    this.#allocations.delete(address);
  }

  pin(bytes: number): Pinned {
    const address = receive((out) => this.driver.cuMemHostAlloc(out, Math.max(bytes, 1), 0));
    const free = () => this.driver.cuMemFreeHost(address);
    return { address, bytes: this.ffi.view(address, Math.max(bytes, 1)), free };
  }

  /** Waits until the stream is empty; a kernel that failed shows here. */
  synchronize(): void {
    this.driver.cuStreamSynchronize(this.stream);
  }

  /** Frees everything. Failures are of no more use: a lost GPU has freed it already. */
  close(): void {
    const { raw } = this.driver;
    for (const address of this.#allocations.keys()) raw.cuMemFree_v2(address);
    this.#allocations.clear();
    raw.cuStreamDestroy_v2(this.stream);
    raw.cuDevicePrimaryCtxRelease_v2(this.#device);
  }
}
