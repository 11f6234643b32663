/**
 * What a submission leaves in `SWEEP/slurm/NONCE/`, so that it can be found again whatever died when: `intent.json` before
 * sbatch is called, `submitted.json` with the job's id after it, or `withdrawn.json` where there is no such job.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../lib/fs-atomic.ts";
import type { ProcessIdentity } from "../runs/process-identity.ts";

/** Everything about Slurm that a sweep's folder holds. */
export const slurmDir = (sweepDir: string): string => join(sweepDir, "slurm");

export const submissionFiles = (sweepDir: string, nonce: string) => {
  const dir = join(slurmDir(sweepDir), nonce);
  return {
    dir,
    intent: join(dir, "intent.json"),
    submitted: join(dir, "submitted.json"),
    withdrawn: join(dir, "withdrawn.json"),
    /** The run of element i is on line i + 1; of a job of workers, all runs they may take. */
    manifest: join(dir, "manifest.txt"),
    script: join(dir, "submit.slurm"),
    logs: join(dir, "logs"),
    /** One file per element: a line for each time it put itself back into the queue. */
    requeues: join(dir, "requeues"),
    /** Where it exists, the job does not put itself back into the queue any more. */
    cancelled: (element?: number) => join(dir, element === undefined ? "cancelled" : `cancelled.${element}`),
  } as const;
};

/** `runs`: an element for each run. `workers`: elements that take one run after the other. `report`: no run at all. */
export type JobKind = "runs" | "workers" | "report";

export interface Intent {
  readonly schema: 1;
  readonly nonce: string;
  readonly kind: JobKind;
  /** The job's name and comment: both hold the nonce, by which it is found where its id was never learned. */
  readonly name: string;
  readonly comment: string;
  readonly user: string;
  /** Number of elements. */
  readonly elements: number;
  readonly command: readonly string[];
  /** ISO-8601, by the submitting machine's clock. */
  readonly created: string;
  readonly by: ProcessIdentity;
}

export interface Submitted {
  readonly job: string;
  readonly cluster?: string;
  /** Found by its name or comment, after whoever submitted it died. */
  readonly reconciled?: true;
}

export interface Submission {
  readonly intent: Intent;
  readonly runs: readonly string[];
  readonly submitted?: Submitted;
  /** Why there is no such job. */
  readonly withdrawn?: string;
}

/** All submissions of a sweep, the oldest first. A folder without an intent is one that never came to sbatch. */
export function readSubmissions(sweepDir: string): readonly Submission[] {
  const root = slurmDir(sweepDir);
  const nonces = existsSync(root) ? readdirSync(root) : [];
  return nonces
    .flatMap((nonce): readonly Submission[] => {
      const files = submissionFiles(sweepDir, nonce);
      const intent = readJson<Intent>(files.intent);
      if (intent === undefined) return [];
      const submitted = readJson<Submitted>(files.submitted);
      const withdrawn = readJson<{ reason: string }>(files.withdrawn)?.reason;
      const runs = intent.kind === "report" ? [] : readManifest(files.manifest);
      return [
        {
          intent,
          runs,
          ...(submitted === undefined ? {} : { submitted }),
          ...(withdrawn === undefined ? {} : { withdrawn }),
        },
      ];
    })
    .sort((a, b) => (a.intent.created < b.intent.created ? -1 : 1));
}

function readManifest(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** Its content, or undefined where there is no such file, or none that can be read. */
function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export const writeIntent = (sweepDir: string, intent: Intent): Promise<void> =>
  writeFileAtomic(submissionFiles(sweepDir, intent.nonce).intent, json(intent));

export const writeSubmitted = (sweepDir: string, nonce: string, submitted: Submitted): Promise<void> =>
  writeFileAtomic(submissionFiles(sweepDir, nonce).submitted, json(submitted));

export const writeWithdrawn = (sweepDir: string, nonce: string, reason: string): Promise<void> =>
  writeFileAtomic(submissionFiles(sweepDir, nonce).withdrawn, json({ reason }));

/** Tells the job, or one element of it, to stay out of the queue once it has stopped. */
export const markCancelled = (sweepDir: string, nonce: string, element?: number): void =>
  writeFileSync(submissionFiles(sweepDir, nonce).cancelled(element), "");
