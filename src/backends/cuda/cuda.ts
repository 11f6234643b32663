/**
 * The engine for NVIDIA GPUs: bf16 activations, f32 weights and gradients, kernels of its own compiled when first
 * needed, products by cuBLASLt, each program one CUDA graph.
 */
import { join } from "node:path";
import { cacheFolder } from "../../lib/cache-folder.ts";
import { EnvironmentError } from "../../lib/errors.ts";
import { bytes } from "../../lib/format.ts";
import type { DtypeBytes } from "../../plan/plan.ts";
import type { Engine } from "../backend.ts";
import { type Discovery, discover } from "./driver/discover.ts";
import type { GpuInfo } from "./driver/gpu.ts";
import type { Host } from "./driver/libraries.ts";
import { nativeOps } from "./lower/lowerings.ts";
import type { WarpgroupKernel } from "./lower/warpgroups.ts";
import { peakFlops } from "./peaks.ts";
import { plannedMemory } from "./planned-memory.ts";
import { CudaDevice } from "./run/device.ts";
import { GpuThread } from "./run/gpu-thread.ts";
import { chooseWarpgroups } from "./warpgroups/choose.ts";

type Env = Host["env"];

/** What the graph calls f32 is an activation for the most part; variables are counted apart. */
const BYTES: DtypeBytes = { f32: 4, bf16: 2, i32: 4 };

/** Until a GPU that works at one thing is spoken of. */
const QUIET_MS = 30_000;

export interface CudaOptions {
  /** Milliseconds. */
  readonly quietMs?: number;
  /** These kernels by warpgroups, instead of those that were found right and faster here. */
  readonly warpgroups?: readonly WarpgroupKernel[];
}

/** The engine as environment variables have it: where its libraries are, where it keeps what it compiled. */
export function cudaOn(env: Env, { quietMs = QUIET_MS, warpgroups }: CudaOptions = {}): Engine {
  const folder = join(cacheFolder(env), "cuda");
  let discovery: Promise<Discovery> | undefined;
  let known: GpuInfo | undefined;
  const discovered = async () => {
    discovery ??= discover(env);
    const found = await discovery;
    if (found.ok) known = found.gpu;
    return found;
  };
  return {
    summary: "bf16 on one NVIDIA GPU: own kernels, cuBLASLt, CUDA graphs",
    sends: "nothing: none of the driver, NVRTC and cuBLASLt is known to report usage",
    nativeOps,
    bytes: BYTES,
    bf16Activations: true,
    bf16Variables: true,
    devices: "gpu",
    peakFlops: () => (known === undefined ? undefined : peakFlops(known.name)),
    selfTestDevice: () => (known === undefined ? "no GPU" : describe(known)),
    memory: (plan) => plannedMemory(plan, known),
    async available() {
      const found = await discovered();
      return found.ok ? { ok: true, detail: describe(found.gpu) } : found;
    },
    async open({ onProgress = () => {} }) {
      const found = await discovered();
      if (!found.ok) throw new EnvironmentError(`engine cuda: ${found.why}; ${found.fix}`);
      const used = warpgroups ?? (await chooseWarpgroups({ ...found, folder }, onProgress));
      const thread = await GpuThread.start(found.libraries, folder, { onProgress, quietMs });
      return new CudaDevice(thread, { ...thread.gpu, warpgroups: used });
    },
  };
}

export const cuda: Engine = cudaOn(process.env);

function describe({ name, sm, memoryBytes, driverVersion }: GpuInfo): string {
  const version = `${Math.floor(driverVersion / 1000)}.${Math.floor((driverVersion % 1000) / 10)}`;
  return `${name}, sm_${sm}, ${bytes(memoryBytes)}, driver for CUDA ${version}`;
}
