/** The emulated GPU that the tests of this folder share, where g++ can build it. */
import { buildEmulation } from "./emulation/build.ts";
import { openGpu } from "./gpu.ts";

const emulation = buildEmulation();
export const machine = "missing" in emulation ? undefined : openGpu(emulation.directory);
/** For the titles of skipped tests. */
export const reason = "missing" in emulation ? ` (skipped: ${emulation.missing})` : "";
machine?.set("HNORM_CUDA_SIM_QUIET", "1");
