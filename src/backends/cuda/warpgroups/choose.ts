/**
 * Which kernels of warpgroups a GPU's programs use. Nobody's word is taken for it: on each kind of Hopper, with each
 * driver, every one of them is tested beside its baseline by mma.sync, once. Those that are right and faster are used
 * from then on. The results are kept in the cache folder, with both times. Of several processes that want to know at
 * once, one tests and the others wait.
 */
import { sha256Folder } from "../../../lib/hash.ts";
import { once } from "../../../lib/memo.ts";
import { ResultFile } from "../../../lib/result-file.ts";
import type { GpuInfo } from "../driver/gpu.ts";
import type { LibraryPaths } from "../driver/libraries.ts";
import { WARPGROUP_KERNELS, type WarpgroupKernel } from "../lower/warpgroups.ts";
import {
  defaults,
  type KernelResults,
  type Log,
  runSelfTest,
  type SelfTestOptions,
} from "./run-self-test.ts";

const HOPPER = 90;

export interface Machine {
  readonly gpu: GpuInfo;
  readonly libraries: LibraryPaths;
  /** Of the cache. */
  readonly folder: string;
}

/** Those to use; tests what has not been tested here. `log` hears of that. */
export async function chooseWarpgroups(
  machine: Machine,
  log: Log,
  test = defaults(),
): Promise<readonly WarpgroupKernel[]> {
  if (machine.gpu.sm !== HOPPER) return [];
  const file = fileOf(machine);
  const known = resultsIn(file);
  if (missing(known, test).length === 0) return used(known);
  return used(
    await file.exclusively(
      () => complete(machine, file, log, test),
      () => log("waiting for another process, which tests Hopper's matrix instructions (wgmma)"),
    ),
  );
}

/** What was found before; nothing is tested. */
export const knownResults = (machine: Machine): KernelResults =>
  machine.gpu.sm === HOPPER ? resultsIn(fileOf(machine)) : {};

const used = (results: KernelResults) => WARPGROUP_KERNELS.filter((kernel) => results[kernel]?.ok);
const missing = (results: KernelResults, { kernels }: SelfTestOptions) =>
  kernels.filter((kernel) => results[kernel] === undefined);

/** With results on all, or on as many as can be had: what fails costs a process, and one kernel. */
async function complete(
  { gpu, libraries, folder }: Machine,
  file: ResultFile<Content>,
  log: Log,
  test: SelfTestOptions,
): Promise<KernelResults> {
  let results = resultsIn(file);
  for (let ahead = true; ; ahead = false) {
    const kernels = missing(results, test);
    if (kernels.length === 0) return results;
    const job = { libraries, folder, kernels, extents: test.extents, ahead };
    const { found, why } = await runSelfTest(job, log, test);
    results = { ...results, ...found };
    const at = new Date().toISOString();
    file.tryWrite({ gpu: gpu.name, driver: gpu.driverVersion, at, kernels: results });
    if (Object.keys(found).length > 0 || ahead) continue;
    log(`Hopper's matrix instructions (wgmma) could not be tested: ${why}`);
    return results;
  }
}

/** What the file holds; all but the kernels is for people. */
interface Content {
  readonly gpu: string;
  readonly driver: number;
  readonly at: string;
  readonly kernels: KernelResults;
}

const fileOf = ({ folder, gpu, libraries }: Machine): ResultFile<Content> =>
  new ResultFile(folder, {
    name: "warpgroups",
    dependsOn: [gpu.name, gpu.driverVersion, libraries, codeDigest()],
    parse: (content) => content as Content,
  });

/** Of all code of this engine: kernels, how they are launched and compiled, and how they are tested. */
const codeDigest = once(() => sha256Folder(new URL("..", import.meta.url)));

function resultsIn(file: ResultFile<Content>): KernelResults {
  const kernels = file.read()?.kernels ?? {};
  const known = WARPGROUP_KERNELS.filter((kernel) => typeof kernels[kernel]?.ok === "boolean");
  return Object.fromEntries(known.map((kernel) => [kernel, kernels[kernel]]));
}
