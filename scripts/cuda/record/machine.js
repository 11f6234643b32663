// What the numbers were measured on: GPU, driver, libraries.
import { spawnSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { inDist } from "../samples.js";

const QUERY = "name,driver_version,memory.total,power.limit,clocks.max.sm,clocks.max.mem,temperature.gpu";

export async function machine() {
  const { discover } = await inDist("backends/cuda/driver/discover.js");
  const { loadFfi } = await inDist("backends/cuda/driver/ffi.js");
  const { libraryKinds, openWhole, thisHost } = await inDist("backends/cuda/driver/libraries.js");
  const { nvrtc } = await inDist("backends/cuda/kernel-code/nvrtc.js");
  const found = await discover(process.env);
  if (!found.ok) throw new Error(`${found.why}; ${found.fix}`);
  const ffi = await loadFfi();
  const { libraries } = found;
  const compiler = nvrtc(openWhole(libraryKinds.nvrtc, libraries.nvrtc, thisHost(process.env, ffi.open)));
  const { cublasLtGetVersion } = ffi.open(libraries.cublasLt).bind({ cublasLtGetVersion: ["u64"] });
  return {
    gpu: found.gpu,
    nvrtc: compiler.version,
    cublasLt: Number(cublasLtGetVersion()),
    smi: smi(),
    node: process.version,
    cpu: `${cpus().length} x ${cpus()[0]?.model}`,
    memory_bytes: totalmem(),
  };
}

/** null where there is no nvidia-smi. */
export function smi() {
  const { status, stdout } = spawnSync("nvidia-smi", [`--query-gpu=${QUERY}`, "--format=csv,noheader"], {
    encoding: "utf8",
    timeout: 20_000,
  });
  if (status !== 0) return null;
  const values = stdout.split("\n")[0].split(", ");
  return Object.fromEntries(QUERY.split(",").map((key, i) => [key, values[i]]));
}
