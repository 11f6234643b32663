/**
 * A worker: takes runs of a sweep that nobody trains, one process each, until all are finished. Any number of workers
 * may be at one sweep, on any number of machines: what they agree by is the leases and records in the runs' folders.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { expiryMs, type LeaseView } from "../runs/lease.ts";
import type { RunStatus } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import { readinessTracker } from "./readiness.ts";
import type { RetryPolicy } from "./retry.ts";
import type { Slot } from "./slots.ts";

/** What a worker knows of an attempt that it has made; undefined where another process was faster. */
export type AttemptResult = RunStatus | undefined;

export interface WorkerListener {
  /** Another process has it; called once for each such process. */
  waiting(run: Run, holder: LeaseView): void;
  /** It will be retried, `waitMs` from now. */
  retrying(run: Run, waitMs: number): void;
  /** It has failed and is not retried. */
  failed(run: Run, why: string | undefined): void;
  /** Finished, here or elsewhere. */
  finished(run: Run): void;
}

export interface WorkerOptions {
  readonly runs: readonly Run[];
  readonly dirOf: (run: Run) => string;
  readonly slots: readonly Slot[];
  readonly policy: RetryPolicy;
  /** Forgive runs that had failed for good before this worker began: their attempts so far do not count. */
  readonly retryFailed: boolean;
  /** Stay until the runs that others train are finished too, or can be taken over. */
  readonly wait: boolean;
  /** Index of the run to begin with: workers that begin at different ones get in each other's way less. */
  readonly startAt?: number;
  /** Makes one attempt; `silent`: the nonce of a holder to be taken over. */
  readonly attempt: (run: Run, slot: Slot, silent: string | undefined) => Promise<AttemptResult>;
  readonly listener: WorkerListener;
  readonly stopping: AbortSignal;
}

export interface WorkerResult {
  readonly failed: readonly Run[];
  /** Neither finished nor failed: this worker was stopped, or did not wait for others. */
  readonly left: readonly Run[];
}

/** Between two looks at runs that others hold; shorter than a heartbeat, so that none is missed. */
const pollMs = (): number => Math.min(2000, expiryMs() / 12);

export async function runWorker(options: WorkerOptions): Promise<WorkerResult> {
  const { runs, dirOf, slots, wait, startAt = 0, attempt, listener, stopping } = options;
  const pending = new Set([...runs.slice(startAt), ...runs.slice(0, startAt)]);
  const active = new Map<Run, Promise<void>>();
  const free = [...slots];
  const failed: Run[] = [];
  const announced = new Set<string>();
  const readiness = readinessTracker(options);

  const begin = (run: Run, slot: Slot, silent: string | undefined) => {
    const trying = attempt(run, slot, silent).then((status) => {
      active.delete(run);
      free.push(slot);
      readiness.attempted(run, status);
    });
    active.set(run, trying);
  };
  const leave = (run: Run) => pending.delete(run);

  while (!stopping.aborted) {
    let wake = performance.now() + pollMs();
    let own = active.size > 0;
    for (const run of pending) {
      if (free.length === 0 || stopping.aborted) break;
      if (active.has(run)) continue;
      const now = readiness.of(run);
      if (now.kind === "finished") {
        leave(run);
        listener.finished(run);
      } else if (now.kind === "failed") {
        leave(run);
        failed.push(run);
        listener.failed(run, now.why);
      } else if (now.kind === "later") {
        own = true;
        wake = Math.min(wake, now.at);
      } else if (now.kind === "ready") {
        begin(run, free.shift()!, now.silent);
        own = true;
      } else if (wait && !announced.has(`${dirOf(run)} ${now.holder.nonce}`)) {
        announced.add(`${dirOf(run)} ${now.holder.nonce}`);
        listener.waiting(run, now.holder);
      }
    }
    if (pending.size === 0 || (!own && !wait)) break;
    await until(wake, stopping, active.values());
  }
  await Promise.all(active.values());
  for (const run of pending) if (readiness.of(run).kind === "finished") leave(run);
  return { failed, left: [...pending] };
}

/** Waits for a time by performance.now(), a stop, or the end of any of these. */
async function until(time: number, stopping: AbortSignal, any: Iterable<Promise<void>>): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  stopping.addEventListener("abort", end);
  const pause = sleep(Math.max(1, time - performance.now()), undefined, over).catch(() => {});
  await Promise.race([pause, ...any]);
  stopping.removeEventListener("abort", end);
  end();
}
