/**
 * The emulated GPU that the tests of this folder share, where g++ can build it. With HNORM_CUDA_PTX=1 kernels come to it
 * through nvcc's PTX (ptx/compile.ts), else straight from their source.
 */
import { buildEmulation } from "./emulation/build.ts";
import { openGpu } from "./gpu.ts";
import { throughPtx } from "./ptx/compile.ts";

const emulation = buildEmulation();
export const viaPtx = process.env.HNORM_CUDA_PTX === "1";
export const machine =
  "missing" in emulation
    ? undefined
    : openGpu(emulation.directory, viaPtx ? throughPtx(emulation.directory) : undefined);
/** For the titles of skipped tests. */
export const reason = "missing" in emulation ? ` (skipped: ${emulation.missing})` : "";
machine?.set("HNORM_CUDA_SIM_QUIET", "1");
