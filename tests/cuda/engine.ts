/** The engine on the emulated GPU, as the tests of this folder use it; or why it cannot be had here. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../src/backends/backend.ts";
import { cudaOn } from "../../src/backends/cuda/cuda.ts";
import type { WarpgroupKernel } from "../../src/backends/cuda/lower/warpgroups.ts";
import { buildEmulation } from "./emulation/build.ts";

const emulation = buildEmulation();

/** For tests' titles. */
export const reason = "missing" in emulation ? `skipped: ${emulation.missing}` : "on the emulated GPU";
export const missing = "missing" in emulation;

/**
 * What a process needs in its environment to find the emulation. Of an Ampere: on a Hopper, hnorm would try its kernels
 * of warpgroups, at sizes that fill a GPU.
 */
export const environment: Readonly<Record<string, string>> =
  "missing" in emulation ? {} : { HNORM_CUDA_LIBRARIES: emulation.directory, HNORM_CUDA_SIM_SM: "80" };

/** In this process: a Hopper, with these kernels of warpgroups. With a cache folder of its own unless one is given. */
export const emulated = (
  more: Readonly<Record<string, string>> = {},
  warpgroups: readonly WarpgroupKernel[] = [],
): Engine => cudaOn({ ...process.env, ...environment, HNORM_CACHE_DIR: cache(), ...more }, { warpgroups });

const cache = (): string => mkdtempSync(join(tmpdir(), "hnorm-cuda-cache-"));
