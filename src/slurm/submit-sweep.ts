/**
 * Submits what a sweep still lacks: runs that are neither finished, nor being trained, nor in the queue of an earlier
 * submission. What a run's folder says comes first, what Slurm says second; where Slurm does not answer nothing is done.
 */
import { mkdir } from "node:fs/promises";
import { defaultSlurm, type SlurmConfig } from "../config/slurm-section.ts";
import { EnvironmentError } from "../lib/errors.ts";
import { sweepFiles } from "../runs/paths.ts";
import { isFinished } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import { canonicalJson } from "../sweep/identity.ts";
import { jobsOf, mayRun, type SlurmJobs } from "./jobs.ts";
import { chunks, MAX_ARRAYS, maxArraySize } from "./limits.ts";
import { reconcile } from "./reconcile.ts";
import { slurmDir } from "./submission.ts";
import { type JobRequest, type SweepJobs, submit } from "./submit.ts";
import { acquireSubmitLease, heldRuns } from "./who.ts";

/** Why a run is not submitted now. */
export type Skipped = "finished" | "running" | "queued";

export interface SubmittedJob {
  readonly job: string;
  readonly kind: JobRequest["kind"];
  readonly runs: readonly string[];
  readonly elements: number;
}

export interface SweepSubmission {
  readonly submitted: readonly SubmittedJob[];
  readonly skipped: ReadonlyMap<string, Skipped>;
  readonly notes: readonly string[];
}

export async function submitSweep(
  sweep: SweepJobs,
  runs: readonly Run[],
  say: (line: string) => void,
): Promise<SweepSubmission> {
  await mkdir(slurmDir(sweep.dir), { recursive: true });
  const lease = await acquireSubmitLease(sweep.dir, say);
  try {
    const reconciled = await reconcile(sweep.dir, { alone: true });
    for (const note of reconciled.notes) say(note);
    const view = await jobsOf(reconciled);
    if (view.problems.length > 0) {
      throw new EnvironmentError(
        `the state of earlier jobs of this sweep is unknown, so nothing is submitted:\n  ${view.problems.join("\n  ")}`,
      );
    }
    const skipped = await whyNot(sweep.dir, runs, view);
    const todo = runs.filter(({ name }) => !skipped.has(name));
    const submitted: SubmittedJob[] = [];
    const active = view.jobs.filter((job) => job.kind !== "report" && mayRun(job)).map(({ job }) => job);
    for (const shape of shapes(todo)) submitted.push(...(await submitShape(sweep, shape)));
    const notes: string[] = [];
    if (submitted.length > 0) {
      const after = [...new Set([...active, ...submitted.map(({ job }) => job)])];
      notes.push(...(await submitReport(sweep, todo, after, submitted)));
    }
    return { submitted, skipped, notes };
  } finally {
    lease.release();
  }
}

async function whyNot(
  dir: string,
  runs: readonly Run[],
  { jobs }: SlurmJobs,
): Promise<ReadonlyMap<string, Skipped>> {
  const files = sweepFiles(dir);
  const why = new Map<string, Skipped>();
  const waiting = jobs.filter(mayRun);
  for (const job of waiting)
    for (const run of job.runs) why.set(run, job.state.phase === "queued" ? "queued" : "running");
  const open = runs.filter(({ name }) => !why.has(name) && !isFinished(files.run(name)));
  for (const run of await heldRuns(
    open.map(({ name }) => name),
    files.run,
  ))
    why.set(run, "running");
  for (const { name } of runs) if (isFinished(files.run(name))) why.set(name, "finished");
  return why;
}

/** Runs that ask for the same things: an array has one shape for all of its elements. */
function shapes(runs: readonly Run[]): readonly { slurm: SlurmConfig; runs: readonly Run[] }[] {
  const byShape = new Map<string, { slurm: SlurmConfig; runs: Run[] }>();
  for (const run of runs) {
    const slurm = run.config.slurm ?? defaultSlurm();
    const key = canonicalJson(slurm);
    const shape = byShape.get(key) ?? { slurm, runs: [] };
    byShape.set(key, shape);
    shape.runs.push(run);
  }
  return [...byShape.values()];
}

async function submitShape(
  sweep: SweepJobs,
  { slurm, runs }: { slurm: SlurmConfig; runs: readonly Run[] },
): Promise<readonly SubmittedJob[]> {
  const names = runs.map(({ name }) => name);
  const largest = await maxArraySize();
  const workers =
    slurm.workers ?? (names.length > largest * MAX_ARRAYS ? (slurm.throttle ?? MAX_ARRAYS) : undefined);
  if (workers !== undefined) {
    const elements = Math.min(workers, names.length, largest);
    return [await one(sweep, { kind: "workers", slurm, runs: names, elements, after: [] })];
  }
  const submitted: SubmittedJob[] = [];
  for (const some of chunks(names, largest)) {
    // A throttle holds for one array; of several, each waits for the one before.
    const after = slurm.throttle === undefined ? [] : submitted.slice(-1).map(({ job }) => job);
    submitted.push(await one(sweep, { kind: "runs", slurm, runs: some, elements: some.length, after }));
  }
  return submitted;
}

async function one(sweep: SweepJobs, job: JobRequest): Promise<SubmittedJob> {
  const { job: id } = await submit(sweep, job);
  return { job: id, kind: job.kind, runs: job.runs, elements: job.elements };
}

/** The last job. A site that does not take it takes nothing from the runs. */
async function submitReport(
  sweep: SweepJobs,
  runs: readonly Run[],
  after: readonly string[],
  submitted: SubmittedJob[],
): Promise<readonly string[]> {
  const slurm = runs.map(({ config }) => config.slurm ?? defaultSlurm()).find(({ report }) => report);
  if (slurm === undefined) return [];
  try {
    submitted.push(await one(sweep, { kind: "report", slurm, runs: [], elements: 1, after }));
    return [];
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    return [`the report job was rejected (slurm.report: false leaves it out): ${error.message}`];
  }
}
