/**
 * Which kernels of warpgroups a GPU's programs use. Nobody's word is taken for it: on each kind of Hopper, with each
 * driver, every one of them is tried beside its twin by mma.sync, once. Those that are right and faster are used from
 * then on. What was found is kept in the cache folder, with both times. Of several processes that want to know at once,
 * one tries and the others wait.
 */
import { sha256Folder } from "../../../lib/hash.ts";
import { once } from "../../../lib/memo.ts";
import { ResultFile } from "../../../lib/result-file.ts";
import type { GpuInfo } from "../driver/gpu.ts";
import type { LibraryPaths } from "../driver/libraries.ts";
import { WARPGROUP_KERNELS, type WarpgroupKernel } from "../lower/warpgroups.ts";
import { session, type Tell, type Trial, usual, type Verdicts } from "./process.ts";

const HOPPER = 90;

export interface Machine {
  readonly gpu: GpuInfo;
  readonly libraries: LibraryPaths;
  /** Of the cache. */
  readonly folder: string;
}

/** Those to use; tries what has not been tried here. `tell` hears of that. */
export async function warpgroupsFor(
  machine: Machine,
  tell: Tell,
  trial = usual(),
): Promise<readonly WarpgroupKernel[]> {
  if (machine.gpu.sm !== HOPPER) return [];
  const file = fileOf(machine);
  const known = verdictsIn(file);
  if (missing(known, trial).length === 0) return used(known);
  return used(
    await file.exclusively(
      () => complete(machine, file, tell, trial),
      () => tell("waiting for another process, which tries Hopper's own matrix instructions"),
    ),
  );
}

/** What was found before; nothing is tried. */
export const verdictsKnown = (machine: Machine): Verdicts =>
  machine.gpu.sm === HOPPER ? verdictsIn(fileOf(machine)) : {};

const used = (verdicts: Verdicts) => WARPGROUP_KERNELS.filter((kernel) => verdicts[kernel]?.ok);
const missing = (verdicts: Verdicts, { kernels }: Trial) =>
  kernels.filter((kernel) => verdicts[kernel] === undefined);

/** With verdicts on all, or on as many as can be had: what fails costs a process, and one kernel. */
async function complete(
  { gpu, libraries, folder }: Machine,
  file: ResultFile<Content>,
  tell: Tell,
  trial: Trial,
): Promise<Verdicts> {
  let verdicts = verdictsIn(file);
  for (let ahead = true; ; ahead = false) {
    const kernels = missing(verdicts, trial);
    if (kernels.length === 0) return verdicts;
    const job = { libraries, folder, kernels, extents: trial.extents, ahead };
    const { found, why } = await session(job, tell, trial);
    verdicts = { ...verdicts, ...found };
    const at = new Date().toISOString();
    file.tryWrite({ gpu: gpu.name, driver: gpu.driverVersion, at, kernels: verdicts });
    if (Object.keys(found).length > 0 || ahead) continue;
    tell(`Hopper's own matrix instructions could not be tried: ${why}`);
    return verdicts;
  }
}

/** What the file holds; all but the kernels is for people. */
interface Content {
  readonly gpu: string;
  readonly driver: number;
  readonly at: string;
  readonly kernels: Verdicts;
}

const fileOf = ({ folder, gpu, libraries }: Machine): ResultFile<Content> =>
  new ResultFile(folder, {
    name: "warpgroups",
    dependsOn: [gpu.name, gpu.driverVersion, libraries, codeDigest()],
    parse: (content) => content as Content,
  });

/** Of all code of this engine: kernels, how they are launched and compiled, and how they are tried. */
const codeDigest = once(() => sha256Folder(new URL("..", import.meta.url)));

function verdictsIn(file: ResultFile<Content>): Verdicts {
  const kernels = file.read()?.kernels ?? {};
  const known = WARPGROUP_KERNELS.filter((kernel) => typeof kernels[kernel]?.ok === "boolean");
  return Object.fromEntries(known.map((kernel) => [kernel, kernels[kernel]]));
}
