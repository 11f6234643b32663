/** Stops what trains a sweep's runs on this machine: the workers, which would start a stopped run again, and orphans. */
import { type LeaseView, leaseState, readLease } from "../runs/lease.ts";
import { trainsRun, workerOf } from "./own-process.ts";

export interface LocalStop {
  /** Processes that were told to save and stop, each with the runs it was seen to train. */
  readonly signalled: ReadonlyMap<number, readonly string[]>;
  /** Runs that are still being trained although. */
  readonly stillRunning: readonly string[];
  /** Living processes that are said to train runs and do not: none was signalled. */
  readonly foreign: ReadonlyMap<string, number>;
}

const LOOK_MS = 250;
/** A worker that waited for another's run takes it over within this time. */
const QUIET_MS = 4000;
const TIMEOUT_MS = 120_000;

/** Returns once nothing of these runs is trained here any more, nor was for a while. */
export async function stopLocal(runs: readonly string[], dirOf: (run: string) => string): Promise<LocalStop> {
  const signalled = new Map<number, string[]>();
  const foreign = new Map<string, number>();
  const begun = performance.now();
  let quietSince = begun;
  for (;;) {
    const held = runs.flatMap((run) => {
      const lease = trainedHere(dirOf(run));
      if (lease === undefined) return [];
      if (trainsRun(lease.pid, dirOf(run))) return [[run, workerOf(lease.pid) ?? lease.pid] as const];
      if (leaseState(readLease(dirOf(run))) === "alive") foreign.set(run, lease.pid); // it has not ended meanwhile
      return [];
    });
    for (const [run, pid] of held) {
      const known = signalled.get(pid);
      if (known === undefined) terminate(pid);
      if (known?.includes(run) !== true) signalled.set(pid, [...(known ?? []), run]);
    }
    const now = performance.now();
    if (held.length > 0) quietSince = now;
    const over = signalled.size === 0 || now - quietSince > QUIET_MS || now - begun > TIMEOUT_MS;
    if (over) return { signalled, stillRunning: held.map(([run]) => run), foreign };
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** The lease of a run that a living process of this machine holds, other than as a job of Slurm's. */
export function trainedHere(dir: string): LeaseView | undefined {
  const lease = readLease(dir);
  return leaseState(lease) === "alive" && lease?.slurm === undefined ? lease : undefined;
}

function terminate(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // it has ended meanwhile
  }
}
