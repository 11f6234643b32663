/** Slurm's commands as processes: with a time limit, in an environment that cannot change what they print. */
import { spawn } from "node:child_process";
import { EnvironmentError } from "../lib/errors.ts";

/** The programs used; each is looked for on the PATH. */
export type SlurmProgram = "sbatch" | "squeue" | "sacct" | "scontrol" | "scancel";

export interface CommandResult {
  /** Absent where it did not end by itself. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** A busy controller takes its time; one that is down lets squeue try for about a minute. */
const TIMEOUT_MS = 60_000;

/** HNORM_SLURM_TIMEOUT: seconds, for tests and for sites where Slurm is slower than that. */
const timeoutMs = (): number => 1000 * Number(process.env.HNORM_SLURM_TIMEOUT) || TIMEOUT_MS;

/** Runs a program to its end, or to the time limit. */
export function runCommand(program: SlurmProgram, args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: environment() });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
      // What it started itself may hold the pipes open for longer.
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeoutMs());
    const text = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].setEncoding("utf8").on("data", (data: string) => {
        text[stream] += data;
      });
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (error.code !== "ENOENT" && error.code !== "EACCES") return reject(error);
      reject(new EnvironmentError(`${program}: not found; is this a login node?`));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: timedOut ? null : code, ...text, timedOut });
    });
  });
}

/** What went wrong, in a line: the program's own words where it has any. */
export function errorText(program: SlurmProgram, { code, stderr, timedOut }: CommandResult): string {
  if (timedOut) return `${program} did not answer within ${timeoutMs() / 1000} s`;
  const said = stderr
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .at(-1);
  return said ?? `${program} exited with code ${code} and no output`;
}

/**
 * Variables that filter or format answers are left out. Those of a job around this process too: a job submitted from
 * within another one would inherit the shape of that one.
 */
function environment(): NodeJS.ProcessEnv {
  const KEPT = ["SLURM_CONF", "SLURM_CLUSTERS"];
  const left = Object.entries(process.env).filter(
    ([name]) => KEPT.includes(name) || !/^(SLURM|SQUEUE|SACCT|SCANCEL|SCONTROL)_/.test(name),
  );
  return { ...Object.fromEntries(left), LC_ALL: "C" };
}
