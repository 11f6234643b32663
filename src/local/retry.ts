/**
 * Whether a run that did not finish is tried again, by why it did not. What was asked to stop goes on; what would fail
 * the same way again is left; what may be gone the next time is tried again, a few times, with more patience each time.
 */
import type { AttemptRecord } from "../runs/attempts.ts";
import type { Cause } from "../runs/causes.ts";
import type { ChildEnd } from "./launch.ts";

const AGAIN: Readonly<Record<Cause, "always" | "some times" | "never">> = {
  stopped: "always",
  vanished: "always",
  disk: "some times",
  network: "some times",
  memory: "some times",
  engine: "some times",
  crash: "some times",
  killed: "some times",
  config: "never",
  environment: "never",
  bug: "never",
};

export type Verdict =
  | { readonly again: true; readonly waitMs: number }
  /** `why`: what the run's own message does not say. */
  | { readonly again: false; readonly why?: string };

export interface RetryPolicy {
  /** Failures in a row without a checkpoint between them that are forgiven. */
  readonly retries: number;
  /** The wait before the first retry; it doubles with each further one. */
  readonly waitMs: number;
}

const LONGEST_WAIT_MS = 300_000;
/** Attempts in a row that got no further than the one before, until it is called a loop. */
const LOOP = 2;

/** What to do after these attempts of a run, the last one last. */
export function verdict(attempts: readonly AttemptRecord[], { retries, waitMs }: RetryPolicy): Verdict {
  const last = attempts.at(-1);
  if (last === undefined) return { again: true, waitMs: 0 };
  const kind = AGAIN[last.cause ?? "crash"];
  if (kind === "never") return { again: false };
  if (kind === "always") return { again: true, waitMs: 0 };

  const failures = attempts.slice(
    attempts.findLastIndex(
      (a) => AGAIN[a.cause ?? "crash"] !== "some times" || a.from_step !== last.from_step,
    ) + 1,
  );
  const reached = (a: AttemptRecord | undefined) => a?.to_step ?? a?.from_step ?? 0;
  const recent = failures.slice(-LOOP - 1);
  const loops =
    recent.length > LOOP && recent.every((a, i) => i === 0 || reached(a) <= reached(recent[i - 1]));
  if (loops)
    return {
      again: false,
      why: `${recent.length} consecutive attempts made no progress past step ${reached(last)}`,
    };
  if (failures.length > retries) {
    const why = `${failures.length} attempts failed after step ${last.from_step ?? 0}`;
    return { again: false, ...(retries === 0 ? {} : { why }) };
  }
  return { again: true, waitMs: Math.min(waitMs * 2 ** (failures.length - 1), LONGEST_WAIT_MS) };
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
