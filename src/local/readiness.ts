/** What can be done with a run now, by what lies in its folder and what this worker has seen. */
import { performance } from "node:perf_hooks";
import { type AttemptRecord, readAttempts } from "../runs/attempts.ts";
import { type LeaseView, leaseState, readLease } from "../runs/lease.ts";
import { leaseWatch } from "../runs/lease-watch.ts";
import { isFinished } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import { decideRetry, type RetryDecision } from "./retry.ts";
import type { AttemptResult, WorkerOptions } from "./worker.ts";

export type Readiness =
  | { readonly kind: "finished" }
  | { readonly kind: "held"; readonly holder: LeaseView }
  | { readonly kind: "later"; readonly at: number }
  | { readonly kind: "ready"; readonly silent?: string }
  | { readonly kind: "failed"; readonly why?: string };

interface Unrecorded extends AttemptRecord {
  /** The run's last claim when this attempt ended: once there is another, an attempt without a claim is history. */
  readonly claim: number;
}

export function readinessTracker({ runs, dirOf, policy, retryFailed, listener }: WorkerOptions) {
  const watch = leaseWatch();
  /** Attempts that could not be recorded: the disk was full, or the process never got as far as a lease. */
  const unrecorded = new Map<Run, Unrecorded[]>();
  const retryAt = new Map<string, number>();
  const records = (run: Run) => readAttempts(dirOf(run));
  const lastClaim = (run: Run) => readLease(dirOf(run))?.attempt ?? 0;
  const forgiven = new Map<Run, number>();
  for (const run of retryFailed ? runs : []) {
    const attempts = records(run);
    if (!decideRetry(attempts, policy).retry) forgiven.set(run, attempts.at(-1)!.attempt);
  }

  const judge = (run: Run): RetryDecision & { readonly key: string } => {
    const [recorded, claim] = [records(run), lastClaim(run)];
    const known = new Set(recorded.map(({ attempt }) => attempt));
    const own = (unrecorded.get(run) ?? []).filter(({ attempt, claim: then }) =>
      attempt === 0 ? then === claim : !known.has(attempt),
    );
    const attempts = [...recorded.filter(({ attempt }) => attempt > (forgiven.get(run) ?? 0)), ...own];
    return {
      ...decideRetry(attempts, policy),
      key: `${dirOf(run)} ${attempts.at(-1)?.attempt} ${own.length}`,
    };
  };

  return {
    of(run: Run): Readiness {
      const dir = dirOf(run);
      if (isFinished(dir)) return { kind: "finished" };
      const lease = readLease(dir);
      const state = leaseState(lease);
      const foreign = lease !== undefined && (state === "alive" || state === "elsewhere");
      if (foreign && !watch.silent(dir, lease)) return { kind: "held", holder: lease };
      const { key, ...next } = judge(run);
      if (!next.retry) return { kind: "failed", ...(next.why === undefined ? {} : { why: next.why }) };
      // The wait begins when this process learns of the failure: clocks of two machines are never compared.
      const now = performance.now();
      if (!retryAt.has(key)) {
        retryAt.set(key, now + next.waitMs);
        if (next.waitMs > 0) listener.retrying(run, next.waitMs);
      }
      const at = retryAt.get(key)!;
      if (at > now) return { kind: "later", at };
      return foreign ? { kind: "ready", silent: lease.nonce } : { kind: "ready" };
    },
    attempted(run: Run, status: AttemptResult): void {
      if (status?.state !== "failed") return;
      const { attempt, host, pid, started, ended = started, state: how, step, cause, message } = status;
      const known = records(run).find((record) => record.attempt === attempt);
      if (known?.started === started) return;
      const optional = { ...(step === undefined ? {} : { to_step: step }), ...(cause && { cause }) };
      const record = {
        claim: lastClaim(run),
        attempt: known === undefined ? attempt : 0, // another's number: this one never came to a claim
        host,
        pid,
        started,
        ended,
        how,
        ...optional,
        ...(message && { message }),
      };
      unrecorded.set(run, [...(unrecorded.get(run) ?? []), record]);
    },
  };
}
