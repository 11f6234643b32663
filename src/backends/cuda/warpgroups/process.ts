/** Has kernels of warpgroups tried by a process of its own: a faulty one may never end, or take its process with it. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
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
  const child = fork(fileURLToPath(program), [JSON.stringify(job)], {
    execArgv: [],
    serialization: "advanced", // numbers may be infinite
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const hear = (said: Said): number | undefined => {
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
      if ("why" in said.outcome || job.kernels.every((kernel) => found[kernel] !== undefined)) return ENOUGH;
    }
    return at === undefined ? patienceMs : hangingMs;
  };
  const { why, fromOutside } = await ended(child, hear, patienceMs);
  if (at !== undefined && !fromOutside) found[at] = { ok: false, why };
  return { found, why };
}

const ENOUGH = 0;
/** After it was killed, a process may still wait for the GPU. */
const DEATH_MS = 10_000;
/** Of what a process writes as it ends. */
const MOST_CHARACTERS = 400;

/** `fromOutside`: the process was killed, and not by us. */
interface End {
  readonly why: string;
  readonly fromOutside: boolean;
}

/**
 * Says how a process ended, once it is gone. It is killed when it has said nothing for so long, `silentMs` at first and
 * then as `hear` has it (undefined: nothing of note), or when that has heard enough.
 */
function ended(
  child: ChildProcess,
  hear: (said: Said) => number | undefined,
  silentMs: number,
): Promise<End> {
  let killed: string | undefined;
  let text = "";
  return new Promise((resolve) => {
    const gone = (why: string, fromOutside = false) => {
      clearTimeout(timer);
      resolve(killed === undefined ? { why, fromOutside } : { why: killed, fromOutside: false });
    };
    const kill = (why: string) => {
      killed = why;
      child.kill("SIGKILL");
      timer = setTimeout(gone, DEATH_MS, why);
    };
    const wait = (ms: number) => setTimeout(() => kill(`it did not end within ${ms / 1000} s`), ms);
    let timer = wait(silentMs);
    child.stderr!.setEncoding("utf8").on("data", (data: string) => {
      text = (text + data).slice(-MOST_CHARACTERS);
    });
    child.on("message", (said: Said) => {
      if (killed !== undefined) return;
      const ms = hear(said);
      if (ms === undefined) return;
      clearTimeout(timer);
      if (ms === ENOUGH) kill("it has said all");
      else timer = wait(ms);
    });
    child.on("error", (error) => gone(error.message));
    child.on("close", (code, signal) => {
      const last = text.trim().replaceAll(/\s*\n\s*/g, "; ");
      gone(`it ended by ${signal ?? `exit code ${code}`}${last && `: ${last}`}`, signal === "SIGKILL");
    });
  });
}
