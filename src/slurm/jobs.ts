/** The jobs of a sweep as they stand now: what was submitted, and what Slurm says of it. Changes nothing. */
import { type ElementState, queryJobs } from "./query.ts";
import type { Reconciled } from "./reconcile.ts";
import type { JobKind } from "./submission.ts";

/** One element of a submitted array, or the report job. */
export interface SlurmJob {
  readonly nonce: string;
  readonly kind: JobKind;
  /** Base id, and index where it is an array's element. */
  readonly job: string;
  readonly element?: number;
  /** What scancel and squeue call it. */
  readonly id: string;
  /** The runs it may train. */
  readonly runs: readonly string[];
  readonly state: ElementState;
}

export interface SlurmJobs {
  readonly jobs: readonly SlurmJob[];
  /** Why some of it is not known, in lines; empty where all is. */
  readonly problems: readonly string[];
}

/** What Slurm knows of a sweep's jobs. One call of squeue; none where nothing was submitted. */
export async function jobsOf({ known, unclear }: Reconciled): Promise<SlurmJobs> {
  const { elements, problem } = await queryJobs(known.map(({ submitted }) => submitted.job));
  // Of a job that is not in an answer without a problem the controller no longer knows: it will not run again.
  const absent: ElementState =
    problem === undefined ? { phase: "ended", word: "" } : { phase: "unknown", word: "" };
  const jobs = known.flatMap(({ intent, runs, submitted: { job } }) => {
    const { nonce, kind } = intent;
    if (kind === "report") return [{ nonce, kind, job, id: job, runs, state: elements.get(job) ?? absent }];
    return Array.from({ length: intent.elements }, (_, element): SlurmJob => {
      const id = `${job}_${element}`;
      const mine = kind === "workers" ? runs : runs.slice(element, element + 1);
      return { nonce, kind, job, element, id, runs: mine, state: elements.get(id) ?? absent };
    });
  });
  const problems = [
    ...(problem === undefined ? [] : [problem]),
    ...unclear.map(({ submission, why }) => `${submission.intent.name}: ${why}`),
  ];
  return { jobs, problems };
}

/** Whether it is in the queue, runs, or may do either. */
export const mayRun = ({ state }: Pick<SlurmJob, "state">): boolean => state.phase !== "ended";
