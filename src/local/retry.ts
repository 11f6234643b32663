/**
 * Whether a run that did not finish is retried, by the cause. What was asked to stop always is; what would fail the same way
 * again never is; what may be transient is retried a limited number of times, with exponential backoff.
 */
import type { AttemptRecord } from "../runs/attempts.ts";
import type { Cause } from "../runs/causes.ts";
import type { ChildEnd } from "./launch.ts";

const RETRIES: Readonly<Record<Cause, "always" | "limited" | "never">> = {
  stopped: "always",
  vanished: "always",
  disk: "limited",
  network: "limited",
  memory: "limited",
  engine: "limited",
  crash: "limited",
  killed: "limited",
  config: "never",
  environment: "never",
  bug: "never",
};

export type RetryDecision =
  | { readonly retry: true; readonly waitMs: number }
  /** `why`: what the run's own message does not say. */
  | { readonly retry: false; readonly why?: string };

export interface RetryPolicy {
  /** Consecutive failures without a checkpoint between them that are retried. */
  readonly retries: number;
  /** The wait before the first retry; it doubles with each further one. */
  readonly waitMs: number;
}

const LONGEST_WAIT_MS = 300_000;
/** Consecutive attempts without progress, until it is called a loop. */
const LOOP = 2;

/** What to do after these attempts of a run, the last one last. */
export function decideRetry(
  attempts: readonly AttemptRecord[],
  { retries, waitMs }: RetryPolicy,
): RetryDecision {
  const last = attempts.at(-1);
  if (last === undefined) return { retry: true, waitMs: 0 };
  const kind = RETRIES[last.cause ?? "crash"];
  if (kind === "never") return { retry: false };
  if (kind === "always") return { retry: true, waitMs: 0 };

  const failures = attempts.slice(
    attempts.findLastIndex(
      (a) => RETRIES[a.cause ?? "crash"] !== "limited" || a.from_step !== last.from_step,
    ) + 1,
  );
  const reached = (a: AttemptRecord | undefined) => a?.to_step ?? a?.from_step ?? 0;
  const recent = failures.slice(-LOOP - 1);
  const loops =
    recent.length > LOOP && recent.every((a, i) => i === 0 || reached(a) <= reached(recent[i - 1]));
  if (loops)
    return {
      retry: false,
      why: `${recent.length} consecutive attempts made no progress past step ${reached(last)}`,
    };
  if (failures.length > retries) {
    const why = `${failures.length} attempts failed after step ${last.from_step ?? 0}`;
    return { retry: false, ...(retries === 0 ? {} : { why }) };
  }
  return { retry: true, waitMs: Math.min(waitMs * 2 ** (failures.length - 1), LONGEST_WAIT_MS) };
}

/** Why a process ended that could not say so itself, and a sentence about it. `oomKills`: the kernel's, meanwhile. */
export function causeOfEnd(
  { signal, code, stderr }: Pick<ChildEnd, "signal" | "code" | "stderr">,
  oomKills: number,
): { readonly cause: Cause; readonly message: string } {
  const words = stderr.trim() === "" ? "" : `: ${stderr.trim()}`;
  if (/JavaScript heap out of memory|std::bad_alloc|Cannot allocate memory/.test(stderr))
    return { cause: "memory", message: `the process ran out of memory${words}` };
  if (signal === "SIGKILL") {
    return oomKills > 0
      ? { cause: "memory", message: `killed by the kernel (SIGKILL): the machine was out of memory${words}` }
      : { cause: "killed", message: `killed by signal SIGKILL from outside${words}` };
  }
  if (signal !== null)
    return { cause: "crash", message: `the process crashed with signal ${signal}${words}` };
  return { cause: "crash", message: `the process ended with exit code ${code}${words}` };
}
