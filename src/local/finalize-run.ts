/** What became of a run whose process has ended: its own last word, or where it died without one, what can be said for it. */
import { hostname } from "node:os";
import { recordAttempt } from "../runs/attempts.ts";
import type { Cause } from "../runs/causes.ts";
import { readLease } from "../runs/lease.ts";
import { inheritLease } from "../runs/lease-holder.ts";
import { isFinished, type RunStatus, readStatus, writeStatus } from "../runs/status.ts";
import type { ChildEnd } from "./launch.ts";
import { causeOfEnd } from "./retry.ts";

export interface EndedRun {
  readonly run: { readonly name: string; readonly id: string };
  readonly dir: string;
  readonly end: ChildEnd;
  /** When its process was started. */
  readonly started: string;
  /** Steps done when it began and when it was last heard of. */
  readonly steps: readonly [from: number, to: number];
  /** Killed by this process, at a second Ctrl-C. */
  readonly killed: boolean;
  /** It said that it had taken the lease. */
  readonly began: boolean;
  readonly oomKills: number;
}

/**
 * The status of a run whose process died without a word, written where it still held the run; undefined where another
 * process has taken over already.
 */
export async function finalizeRun(ended: EndedRun): Promise<RunStatus | undefined> {
  const { run, dir, end, started, steps, killed, began, oomKills } = ended;
  const { cause, message } = killed
    ? { cause: "stopped" as Cause, message: "killed; it resumes from its last checkpoint" }
    : causeOfEnd(end, oomKills);
  const lease = readLease(dir);
  const held = lease?.held && lease.pid === end.pid && lease.host === hostname() ? lease : undefined;
  const known = readStatus(dir);
  if (isFinished(dir)) {
    if (held !== undefined) quietly(() => inheritLease(dir, held).release());
    return known;
  }
  const who = { host: hostname(), pid: end.pid ?? 0 };
  const status: RunStatus = {
    run: run.name,
    id: run.id,
    started,
    ...who,
    ...(known?.attempt === held?.attempt ? known : {}),
    attempt: held?.attempt ?? known?.attempt ?? 0,
    state: killed ? "interrupted" : "failed",
    step: steps[1],
    ended: new Date().toISOString(),
    cause,
    message,
  };
  if (held === undefined) return began ? undefined : status;
  const estate = inheritLease(dir, held);
  try {
    await writeStatus(dir, status, estate);
    const { attempt, started: begun, ended: at } = status;
    const [from_step, to_step] = steps;
    const how = end.signal ?? `exit ${end.code}`;
    recordAttempt(dir, {
      attempt,
      ...who,
      started: begun,
      ended: at!,
      from_step,
      to_step,
      how,
      cause,
      message,
    });
  } catch {
    // Another process has taken over, or the disk is full: the caller has the status all the same.
  }
  quietly(() => estate.release()); // a dead holder's lease is as good as free
  return status;
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // another process does it
  }
}
