// Which kernels of warpgroups this GPU takes, each tested beside its baseline: what was found of it, and both times.
import { join } from "node:path";
import { inDist } from "../samples.js";

export async function warpgroups() {
  const { discover } = await inDist("backends/cuda/driver/discover.js");
  const { knownResults, chooseWarpgroups } = await inDist("backends/cuda/warpgroups/choose.js");
  const { cacheFolder } = await inDist("lib/cache-folder.js");
  const found = await discover(process.env);
  if (!found.ok) throw new Error(`${found.why}; ${found.fix}`);
  const on = { ...found, folder: join(cacheFolder(process.env), "cuda") };
  const used = await chooseWarpgroups(on, (what) => console.error(what));
  return { used, results: knownResults(on) };
}
