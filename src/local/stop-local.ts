/** Stops what trains a sweep's runs on this machine: the workers, which would start a stopped run again, and orphans. */
import { readFileSync } from "node:fs";
import { type LeaseView, leaseState, readLease } from "../runs/lease.ts";

export interface LocalStop {
  /** Processes that were told to save and stop, each with the runs it was seen to train. */
  readonly signalled: ReadonlyMap<number, readonly string[]>;
  /** Runs that are still being trained although. */
  readonly stillRunning: readonly string[];
}

const LOOK_MS = 250;
/** A worker that waited for another's run takes it over within this time. */
const QUIET_MS = 4000;
const TIMEOUT_MS = 120_000;

/** Returns once nothing of these runs is trained here any more, nor was for a while. */
export async function stopLocal(runs: readonly string[], dirOf: (run: string) => string): Promise<LocalStop> {
  const signalled = new Map<number, string[]>();
  const begun = performance.now();
  let quietSince = begun;
  for (;;) {
    const held = runs.flatMap((run) => {
      const lease = trainedHere(dirOf(run));
      return lease === undefined ? [] : [[run, workerOf(lease.pid) ?? lease.pid] as const];
    });
    for (const [run, pid] of held) {
      const known = signalled.get(pid);
      if (known === undefined) terminate(pid);
      if (known?.includes(run) !== true) signalled.set(pid, [...(known ?? []), run]);
    }
    const now = performance.now();
    if (held.length > 0) quietSince = now;
    const over = signalled.size === 0 || now - quietSince > QUIET_MS || now - begun > TIMEOUT_MS;
    if (over) return { signalled, stillRunning: held.map(([run]) => run) };
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** The lease of a run that a living process of this machine holds, other than as a job of Slurm's. */
export function trainedHere(dir: string): LeaseView | undefined {
  const lease = readLease(dir);
  return leaseState(lease) === "alive" && lease?.slurm === undefined ? lease : undefined;
}

/** The process that started this one, where it is an `hnorm sweep` or `hnorm worker`; no other may be signalled. */
export function workerOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const words = readFileSync(`/proc/${parent}/cmdline`, "utf8").split("\0");
    const at = words.findIndex((word) => /(^|\/)hnorm(\.js)?$/.test(word));
    return at >= 0 && ["sweep", "worker"].includes(words[at + 1] ?? "") ? parent : undefined;
  } catch {
    return undefined; // no /proc here, or it ended meanwhile
  }
}

function terminate(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // it has ended meanwhile
  }
}
