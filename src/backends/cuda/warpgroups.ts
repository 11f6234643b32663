/**
 * Which kernels of warpgroups a GPU's programs use. Nobody's word is taken for it: on each kind of Hopper, with each
 * driver, every one of them is tried beside its twin by mma.sync, once, in a process of its own, since a faulty kernel
 * may hang or take its process down. Those that are right and faster are used from then on. What was found is kept in
 * the cache folder, with both times. Of several processes that want to know at once, one tries and the others wait.
 */
import { type ChildProcess, fork } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alone } from "../../lib/alone.ts";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import { sha256 } from "../../lib/hash.ts";
import { once } from "../../lib/memo.ts";
import { threadFile } from "../../lib/thread-file.ts";
import type { GpuInfo } from "./gpu.ts";
import { WARPGROUP_KERNELS, type WarpgroupKernel } from "./lower/warpgroups.ts";
import type { LibraryPaths } from "./protocol.ts";
import { type Extents, REAL } from "./warpgroup-cases.ts";
import { type Job, type Said, type Verdict, verdictOn } from "./warpgroup-outcome.ts";

const HOPPER = 90;

export interface Machine {
  readonly gpu: GpuInfo;
  readonly libraries: LibraryPaths;
  /** Of the cache. */
  readonly folder: string;
}

/** How kernels are tried. */
export interface Trial {
  readonly program: URL;
  readonly extents: Extents;
  readonly kernels: readonly WarpgroupKernel[];
  /** Milliseconds without a word after which a kernel counts as hanging: it may have to be compiled first. */
  readonly limitMs: number;
}

const usual = (): Trial => ({
  program: threadFile(import.meta.url, "warpgroup-trial"),
  extents: REAL,
  kernels: WARPGROUP_KERNELS,
  limitMs: 120_000,
});

type Tell = (what: string) => void;
export type Verdicts = Readonly<Partial<Record<WarpgroupKernel, Verdict>>>;

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
    await alone(`${path}.lock`, begin, waiting).catch((cause) => {
      if (begun) throw cause;
      return work(); // a folder in which nothing can be locked
    }),
  );
}

/** Those that were found right and faster before; nothing is tried. */
export const warpgroupsKnown = (machine: Machine): readonly WarpgroupKernel[] =>
  machine.gpu.sm === HOPPER ? used(read(pathOf(machine))) : [];

const used = (verdicts: Verdicts) => WARPGROUP_KERNELS.filter((kernel) => verdicts[kernel]?.ok);
const missing = (verdicts: Verdicts, { kernels }: Trial) =>
  kernels.filter((kernel) => verdicts[kernel] === undefined);

/** With verdicts on all, or on as many as can be had: each failure costs one process, and one kernel. */
async function complete(machine: Machine, known: Verdicts, tell: Tell, trial: Trial): Promise<Verdicts> {
  let verdicts = known;
  for (let ahead = true; ; ahead = false) {
    const kernels = missing(verdicts, trial);
    if (kernels.length === 0) return verdicts;
    const { libraries, folder } = machine;
    const { found, why } = await session(
      { libraries, folder, kernels, extents: trial.extents, ahead },
      tell,
      trial,
    );
    verdicts = { ...verdicts, ...found };
    await store(machine, verdicts);
    if (Object.keys(found).length > 0 || ahead) continue;
    tell(`Hopper's own matrix instructions could not be tried: ${why}`);
    return verdicts;
  }
}

/** What one process finds until it has tried all, or something goes wrong in it. */
async function session(
  job: Job,
  tell: Tell,
  { program, limitMs }: Trial,
): Promise<{ readonly found: Verdicts; readonly why: string }> {
  const found: Partial<Record<WarpgroupKernel, Verdict>> = {};
  let at: WarpgroupKernel | undefined;
  const child = fork(fileURLToPath(program), [JSON.stringify(job)], {
    execArgv: [],
    serialization: "advanced", // numbers may be infinite
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  /** True where there is no more to come from this process. */
  const hear = (said: Said): boolean => {
    if ("progress" in said) tell(said.progress);
    else if ("trying" in said) {
      at = said.trying;
      tell(`trying Hopper's own matrix instructions: ${at}`);
    } else {
      at = undefined;
      found[said.tried] = verdictOn(said.outcome);
      return "why" in said.outcome || job.kernels.every((kernel) => found[kernel] !== undefined);
    }
    return false;
  };
  const why = await ended(child, hear, limitMs);
  if (at !== undefined) found[at] = { ok: false, why };
  return { found, why };
}

/** After it was killed, a process may still wait for the GPU. */
const DEATH_MS = 10_000;
/** Of what a process writes as it ends. */
const MOST_CHARACTERS = 400;

/** Ends the process when `hear` has heard enough or nothing for so long; says, once it is gone, why it ended. */
function ended(child: ChildProcess, hear: (said: Said) => boolean, limitMs: number): Promise<string> {
  let [why, text] = ["", ""];
  return new Promise((resolve) => {
    const gone = (reason: string) => {
      clearTimeout(timer);
      clearTimeout(death);
      resolve(why || reason);
    };
    let death: NodeJS.Timeout | undefined;
    const kill = (reason: string) => {
      if (why !== "") return;
      why = reason;
      child.kill("SIGKILL");
      death = setTimeout(() => gone(reason), DEATH_MS);
    };
    const silent = () => kill(`it did not end within ${limitMs / 1000} s`);
    let timer = setTimeout(silent, limitMs);
    child.stderr!.setEncoding("utf8").on("data", (data: string) => {
      text = (text + data).slice(-MOST_CHARACTERS);
    });
    child.on("message", (said: Said) => {
      if (why !== "") return;
      clearTimeout(timer);
      if (hear(said)) kill("it is done");
      else timer = setTimeout(silent, limitMs);
    });
    child.on("error", (error) => gone(error.message));
    child.on("close", (code, signal) => {
      const last = text.trim().replaceAll(/\s*\n\s*/g, "; ");
      gone(`it ended by ${signal ?? `exit code ${code}`}${last === "" ? "" : `: ${last}`}`);
    });
  });
}

const pathOf = ({ folder, gpu, libraries }: Machine): string => {
  const key = sha256(JSON.stringify([gpu.name, gpu.driverVersion, libraries, codeDigest()]));
  return join(folder, `warpgroups-${key.slice(0, 16)}.json`);
};

/** Of all code of this engine: kernels, how they are launched and compiled, and how they are tried. */
const codeDigest = once(() => {
  const folder = fileURLToPath(new URL(".", import.meta.url));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return sha256(...files.map((path) => readFileSync(path)));
});

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
