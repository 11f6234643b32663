/** One call of sbatch, such that no crash between any two instructions loses a job or submits it twice. */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import type { SlurmConfig } from "../config/slurm-section.ts";
import { EnvironmentError } from "../lib/errors.ts";
import { thisProcess } from "../runs/process-identity.ts";
import { arrayArguments, reportArguments } from "./arguments.ts";
import { type CommandResult, errorText, runCommand } from "./command.ts";
import { findJob } from "./query.ts";
import { reportScript, runScript } from "./script.ts";
import {
  type Intent,
  type JobKind,
  type Submitted,
  submissionFiles,
  writeIntent,
  writeSubmitted,
  writeWithdrawn,
} from "./submission.ts";

/** What every job of a sweep has in common. */
export interface SweepJobs {
  /** The sweep's name and its folder, from the root. */
  readonly name: string;
  readonly dir: string;
  /** How `hnorm` is called on the nodes, and what it needs in its environment there. */
  readonly program: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface JobRequest {
  readonly kind: JobKind;
  readonly slurm: SlurmConfig;
  /** Names of the runs it may train, in the order of its elements. */
  readonly runs: readonly string[];
  readonly elements: number;
  /** Jobs that must have ended first. */
  readonly after: readonly string[];
}

export async function submit(sweep: SweepJobs, job: JobRequest): Promise<Submitted> {
  const nonce = randomUUID().slice(0, 8);
  const files = submissionFiles(sweep.dir, nonce);
  await mkdir(files.logs, { recursive: true }); // a job without it is lost without a word
  await mkdir(files.requeues);
  const { kind, slurm, runs, elements, after } = job;
  const names = { name: `hnorm-${sweep.name}-${nonce}`, comment: `hnorm:${sweep.name}:${nonce}` };
  const asked = { ...names, elements, after, logs: files.logs, script: files.script };
  const command = (kind === "report" ? reportArguments : arrayArguments)(slurm, asked);
  const facts = {
    title: sweep.name,
    command,
    sweepDir: sweep.dir,
    dir: files.dir,
    program: sweep.program,
    env: sweep.env,
    setup: slurm.setup,
  };
  const limits = { signalS: slurm.signal_s, maxRequeues: slurm.max_requeues, workers: kind === "workers" };
  await writeFile(files.manifest, runs.map((run) => `${run}\n`).join(""));
  await writeFile(files.script, kind === "report" ? reportScript(facts) : runScript({ ...facts, ...limits }));
  const intent: Intent = {
    schema: 1,
    nonce,
    kind,
    ...names,
    user: userInfo().username,
    elements,
    command,
    created: new Date().toISOString(),
    by: thisProcess(),
  };
  await writeIntent(sweep.dir, intent);
  return outcome(sweep.dir, intent, await runCommand("sbatch", command));
}

/** Where it cannot be told whether Slurm has taken the job, the intent stays and is looked into next time. */
async function outcome(sweepDir: string, intent: Intent, answer: CommandResult): Promise<Submitted> {
  const submitted = idOf(answer) ?? (await foundAfterAll(intent, answer));
  if (submitted !== undefined) {
    await writeSubmitted(sweepDir, intent.nonce, submitted);
    return submitted;
  }
  if (isUnclear(answer)) {
    throw new EnvironmentError(
      `${errorText("sbatch", answer)}\nwhether Slurm accepted job ${intent.name} is unknown; rerun the same command in a minute, it looks for the job first`,
    );
  }
  await writeWithdrawn(sweepDir, intent.nonce, errorText("sbatch", answer));
  throw new EnvironmentError(
    `Slurm rejected the job: ${errorText("sbatch", answer)}\n  ${["sbatch", ...intent.command].join(" ")}`,
  );
}

/** `--parsable` prints ID[;CLUSTER]; a site may print other things before it. */
function idOf({ code, stdout }: CommandResult): Submitted | undefined {
  if (code !== 0) return undefined;
  const [, job, cluster] = /^(\d+)(?:;(\S+))?\s*$/m.exec(stdout) ?? [];
  return job === undefined ? undefined : { job, ...(cluster === undefined ? {} : { cluster }) };
}

/** Words of an sbatch that lost touch with the controller, which may have taken the job all the same. */
const LOST_TOUCH = /timed out|unable to contact|connection|communication|transport|zero bytes/i;

const isUnclear = ({ code, stderr, timedOut }: CommandResult): boolean =>
  timedOut || code === 0 || LOST_TOUCH.test(stderr);

async function foundAfterAll(intent: Intent, answer: CommandResult): Promise<Submitted | undefined> {
  if (!isUnclear(answer)) return undefined;
  const { job } = await findJob(intent, intent.user);
  return job === undefined ? undefined : { job, reconciled: true };
}
