/**
 * Which kernels of warpgroups a GPU's programs use. Nobody's word is taken for it: on each kind of Hopper, with each
 * driver, every one of them is tried beside its twin by mma.sync, once. Those that are right and faster are used from
 * then on. What was found is kept in the cache folder, with both times. Of several processes that want to know at once,
 * one tries and the others wait.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../../../lib/fs-atomic.ts";
import { sha256, sha256Folder } from "../../../lib/hash.ts";
import { once } from "../../../lib/memo.ts";
import { withLock } from "../../../lib/with-lock.ts";
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
  const path = pathOf(machine);
  const known = read(path);
  if (missing(known, trial).length === 0) return used(known);
  const waiting = () => tell("waiting for another process, which tries Hopper's own matrix instructions");
  const work = () => complete(machine, read(path), tell, trial);
  let begun = false;
  const begin = () => {
    begun = true;
    return work();
  };
  return used(
    await withLock(`${path}.lock`, begin, waiting).catch((cause) => {
      if (begun) throw cause;
      return work(); // a folder in which nothing can be locked
    }),
  );
}

/** What was found before; nothing is tried. */
export const verdictsKnown = (machine: Machine): Verdicts =>
  machine.gpu.sm === HOPPER ? read(pathOf(machine)) : {};

const used = (verdicts: Verdicts) => WARPGROUP_KERNELS.filter((kernel) => verdicts[kernel]?.ok);
const missing = (verdicts: Verdicts, { kernels }: Trial) =>
  kernels.filter((kernel) => verdicts[kernel] === undefined);

/** With verdicts on all, or on as many as can be had: what fails costs a process, and one kernel. */
async function complete(machine: Machine, known: Verdicts, tell: Tell, trial: Trial): Promise<Verdicts> {
  let verdicts = known;
  for (let ahead = true; ; ahead = false) {
    const kernels = missing(verdicts, trial);
    if (kernels.length === 0) return verdicts;
    const { libraries, folder } = machine;
    const job = { libraries, folder, kernels, extents: trial.extents, ahead };
    const { found, why } = await session(job, tell, trial);
    verdicts = { ...verdicts, ...found };
    await store(machine, verdicts);
    if (Object.keys(found).length > 0 || ahead) continue;
    tell(`Hopper's own matrix instructions could not be tried: ${why}`);
    return verdicts;
  }
}

const pathOf = ({ folder, gpu, libraries }: Machine): string => {
  const key = sha256(JSON.stringify([gpu.name, gpu.driverVersion, libraries, codeDigest()]));
  return join(folder, `warpgroups-${key.slice(0, 16)}.json`);
};

/** Of all code of this engine: kernels, how they are launched and compiled, and how they are tried. */
const codeDigest = once(() => sha256Folder(new URL("..", import.meta.url)));

/** Nothing where there is no such file, or one that cannot be understood. */
function read(path: string): Verdicts {
  try {
    const { kernels } = JSON.parse(readFileSync(path, "utf8")) as { readonly kernels: Verdicts };
    const known = WARPGROUP_KERNELS.filter((kernel) => typeof kernels[kernel]?.ok === "boolean");
    return Object.fromEntries(known.map((kernel) => [kernel, kernels[kernel]]));
  } catch {
    return {};
  }
}

async function store(machine: Machine, kernels: Verdicts): Promise<void> {
  const { name, driverVersion } = machine.gpu;
  const text = JSON.stringify(
    { on: name, driver: driverVersion, at: new Date().toISOString(), kernels },
    null,
    1,
  );
  await writeFileAtomic(pathOf(machine), `${text}\n`).catch(() => {}); // tried again next time
}
