/** Takes a sweep's jobs out of Slurm: those whose ids are known, and those whose ids were never learned. */
import { errorText, runCommand } from "./command.ts";
import { jobsOf, mayRun, type SlurmJob } from "./jobs.ts";
import { reconcile } from "./reconcile.ts";
import { markCancelled } from "./submission.ts";

export interface Cancellation {
  /** Elements and jobs that were in the queue or running, and were told to end. */
  readonly jobs: readonly SlurmJob[];
  /** What could not be reached, or could not be told apart, in lines. */
  readonly unreached: readonly string[];
}

/** `runs`: only these; without, everything. */
export async function cancelJobs(sweepDir: string, runs?: readonly string[]): Promise<Cancellation> {
  const reconciled = await reconcile(sweepDir, { alone: false });
  for (const { submission } of reconciled.unclear)
    if (runs === undefined) markCancelled(sweepDir, submission.intent.nonce);
  const { jobs, problems } = await jobsOf(reconciled);
  const open = jobs.filter(mayRun);
  const chosen = open.filter(
    (job) => runs === undefined || (job.kind === "runs" && runs.includes(job.runs[0]!)),
  );
  const shared = open.filter((job) => job.kind === "workers" && runs?.some((run) => job.runs.includes(run)));
  const unreached = [
    ...problems,
    ...shared.map(
      ({ id }) => `job ${id} is a worker that may still take the run; without --run it is cancelled too`,
    ),
  ];
  if (chosen.length === 0) return { jobs: [], unreached };

  // First the mark: a job that is just putting itself back into the queue must not come back to life.
  for (const { nonce, element } of chosen)
    markCancelled(sweepDir, nonce, runs === undefined ? undefined : element);
  const ids = new Set(chosen.map(({ job, id }) => (runs === undefined ? job : id)));
  const answer = await runCommand("scancel", [...ids]);
  if (answer.code === 0) return { jobs: chosen, unreached };
  const { jobs: after } = await jobsOf(reconciled);
  const alive = new Set(
    after.filter(({ state }) => mayRun({ state }) && state.word !== "COMPLETING").map(({ id }) => id),
  );
  const left = chosen.filter(({ id }) => alive.has(id));
  return {
    jobs: chosen.filter(({ id }) => !alive.has(id)),
    unreached:
      left.length === 0 ? unreached : [...unreached, `${idList(left)}: ${errorText("scancel", answer)}`],
  };
}

const idList = (jobs: readonly SlurmJob[]): string => `job ${jobs.map(({ id }) => id).join(", ")}`;
