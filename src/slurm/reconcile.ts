/** Submissions of which nobody knows how they went: whoever made them died, or lost touch with the controller. */
import { liveness } from "../runs/process-identity.ts";
import { findJob } from "./query.ts";
import { readSubmissions, type Submission, writeSubmitted, writeWithdrawn } from "./submission.ts";

export interface Reconciled {
  /** All submissions that have a job. */
  readonly known: readonly (Submission & Required<Pick<Submission, "submitted">>)[];
  /** Those that may have one, with the reason why it cannot be told. */
  readonly unclear: readonly { readonly submission: Submission; readonly why: string }[];
  /** One line for each that was settled now. */
  readonly notes: readonly string[];
}

/** `alone`: no other process is submitting this sweep, so that whoever has left an intent is dead. */
export async function reconcile(sweepDir: string, { alone }: { alone: boolean }): Promise<Reconciled> {
  const known: (Submission & Required<Pick<Submission, "submitted">>)[] = [];
  const unclear: { submission: Submission; why: string }[] = [];
  const notes: string[] = [];
  for (const submission of readSubmissions(sweepDir)) {
    const { intent, submitted, withdrawn } = submission;
    if (withdrawn !== undefined) continue;
    if (submitted !== undefined) {
      known.push({ ...submission, submitted });
      continue;
    }
    const { job, problem } = await findJob(intent, intent.user);
    if (job !== undefined) {
      const found = { job, reconciled: true } as const;
      await writeSubmitted(sweepDir, intent.nonce, found);
      known.push({ ...submission, submitted: found });
      notes.push(`job ${job} (${intent.name}) was submitted, but its id was not recorded: found by its name`);
    } else if (problem !== undefined) unclear.push({ submission, why: problem });
    else if (!alone && liveness(intent.by) !== "dead")
      unclear.push({ submission, why: `${intent.by.host} may be submitting it now` });
    else {
      await writeWithdrawn(sweepDir, intent.nonce, "Slurm knows no such job");
      notes.push(`${intent.name} never reached Slurm`);
    }
  }
  return { known, unclear, notes };
}
