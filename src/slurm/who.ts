/** Who is at work on a sweep already: another submission, or a process that trains a run. */

import { EnvironmentError } from "../lib/errors.ts";
import { expiryMs, type LeaseView, leaseState, readLease } from "../runs/lease.ts";
import { acquireLease, type Lease } from "../runs/lease-holder.ts";
import { leaseWatch } from "../runs/lease-watch.ts";
import { slurmDir } from "./submission.ts";

const LOOK_MS = 1000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits until no other process submits this sweep, then keeps others from it until the lease is given back. */
export async function acquireSubmitLease(sweepDir: string, say: (line: string) => void): Promise<Lease> {
  const dir = slurmDir(sweepDir);
  const watch = leaseWatch();
  let holder: LeaseView | undefined;
  for (let looks = 0; looks * LOOK_MS < 5 * expiryMs(); looks++) {
    const silent = holder !== undefined && watch.silent(dir, holder) ? holder.nonce : undefined;
    const lease = await acquireLease(dir, { silent });
    if (lease !== undefined) return lease;
    holder = readLease(dir);
    if (looks === 0) say(`waiting for ${nameOf(holder)}, which is submitting this sweep`);
    await sleep(LOOK_MS);
  }
  throw new EnvironmentError(`${nameOf(holder)} is submitting this sweep; try again later`);
}

const nameOf = (holder: LeaseView | undefined): string => `process ${holder?.pid} on ${holder?.host}`;

/** Which of the runs a living process trains now. Those on other machines are watched for a few heartbeats. */
export async function heldRuns(
  runs: readonly string[],
  dirOf: (run: string) => string,
): Promise<readonly string[]> {
  const leases = runs.map((run) => [run, readLease(dirOf(run))] as const);
  const here = leases.filter(([, lease]) => leaseState(lease) === "alive").map(([run]) => run);
  const elsewhere = leases.filter(([, lease]) => leaseState(lease) === "elsewhere");
  const beating = new Set<string>();
  const until = performance.now() + expiryMs() / 4;
  while (beating.size < elsewhere.length && performance.now() < until) {
    await sleep(Math.min(LOOK_MS, expiryMs() / 20));
    for (const [run, lease] of elsewhere) if (readLease(dirOf(run))?.beat !== lease?.beat) beating.add(run);
  }
  return [...here, ...beating];
}
