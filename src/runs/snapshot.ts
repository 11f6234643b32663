/** What can be seen of a run from outside, at any moment and whoever is writing there. Reads only, never throws. */
import { lastRows } from "./last-rows.ts";
import { type LeaseState, type LeaseView, leaseState, readLease } from "./lease.ts";
import { runFiles } from "./paths.ts";
import { isFinished, type RunStatus, readStatus } from "./status.ts";

export interface RunSnapshot {
  /** Its marker is there. */
  readonly finished: boolean;
  /** The fields that are what they should be; undefined where there is no status, or none that says a state. */
  readonly status: RunStatus | undefined;
  /** Why it failed, in a word. */
  readonly cause: string | undefined;
  readonly lease: LeaseView | undefined;
  readonly leaseState: LeaseState;
  /** The end of the tables of a run that is going on, or was when its process ended. */
  readonly metrics: readonly Readonly<Record<string, number>>[];
  readonly timing: readonly Readonly<Record<string, number>>[];
}

/** Of a run that was never started. */
export const NO_SNAPSHOT: RunSnapshot = {
  finished: false,
  status: undefined,
  cause: undefined,
  lease: undefined,
  leaseState: "free",
  metrics: [],
  timing: [],
};

export function readSnapshot(dir: string): RunSnapshot {
  const status = readStatus(dir);
  const cause: string | undefined = status?.cause;
  if (isFinished(dir)) return { ...NO_SNAPSHOT, finished: true, status };
  const { lease, state } = claim(dir);
  const seen = { finished: false, status, cause, lease, leaseState: state };
  // Whoever said that it stopped said also how far it came.
  if (state === "free" && status !== undefined && status.state !== "running")
    return { ...seen, metrics: [], timing: [] };
  const { metrics, timing } = runFiles(dir);
  return { ...seen, metrics: lastRows(metrics), timing: lastRows(timing) };
}

function claim(dir: string): { readonly lease: LeaseView | undefined; readonly state: LeaseState } {
  try {
    const lease = readLease(dir);
    return { lease, state: leaseState(lease) };
  } catch {
    return { lease: undefined, state: "free" };
  }
}
