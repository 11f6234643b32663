/** Has kernels of warpgroups tried by a process of its own: a faulty one may never end, or take its process with it. */
import { fileURLToPath } from "node:url";
import { runSeparately, STOP } from "../../../lib/run-separately.ts";
import { threadFile } from "../../../lib/thread-file.ts";
import { WARPGROUP_KERNELS, type WarpgroupKernel } from "../lower/warpgroups.ts";
import { type Extents, REAL } from "./cases.ts";
import { type Job, type Said, type Verdict, verdictOn } from "./outcome.ts";

/** How kernels are tried. Times are milliseconds without a word. */
export interface Trial {
  readonly program: URL;
  readonly extents: Extents;
  readonly kernels: readonly WarpgroupKernel[];
  /** After which a process counts as lost: libraries are loaded, kernels compiled, all their twins run. */
  readonly patienceMs: number;
  /** After which a kernel counts as hanging, which takes milliseconds and is compiled by then, as a rule. */
  readonly hangingMs: number;
}

export const usual = (): Trial => ({
  program: threadFile(import.meta.url, "trial"),
  extents: REAL,
  kernels: WARPGROUP_KERNELS,
  patienceMs: 120_000,
  hangingMs: 20_000,
});

export type Tell = (what: string) => void;
export type Verdicts = Readonly<Partial<Record<WarpgroupKernel, Verdict>>>;

/** What one process finds until it has tried all, or something goes wrong in it. `why`: it ended. */
export async function session(
  job: Job,
  tell: Tell,
  { program, patienceMs, hangingMs }: Trial,
): Promise<{ readonly found: Verdicts; readonly why: string }> {
  const found: Partial<Record<WarpgroupKernel, Verdict>> = {};
  let at: WarpgroupKernel | undefined;
  const onMessage = (said: Said): number | typeof STOP | undefined => {
    if ("progress" in said) {
      tell(said.progress);
      return at === undefined ? patienceMs : undefined; // that it still waits for a kernel is no progress of that
    }
    if ("trying" in said) {
      at = said.trying;
      tell(`trying Hopper's own matrix instructions: ${at}`);
    } else {
      at = undefined;
      found[said.tried] = verdictOn(said.outcome);
      // After a failure, nothing of that process's GPU is to be trusted.
      if ("why" in said.outcome || job.kernels.every((kernel) => found[kernel] !== undefined)) return STOP;
    }
    return at === undefined ? patienceMs : hangingMs;
  };
  const run = {
    program: fileURLToPath(program),
    args: [JSON.stringify(job)],
    timeoutMs: patienceMs,
    onMessage,
  };
  const { why, killedByOthers } = await runSeparately<Said>(run);
  if (at !== undefined && !killedByOthers) found[at] = { ok: false, why };
  return { found, why };
}
