/** One run from start to finish in its own folder: whatever happens, its status file says so. */

import { hostname } from "node:os";
import pino from "pino";
import type { EngineName } from "../backends/registry.ts";
import type { RunConfig } from "../config/schema.ts";
import type { DataContext } from "../data/source.ts";
import { knownError } from "../lib/errors.ts";
import { jsonText } from "../lib/json.ts";
import { openRegular } from "../lib/regular-file.ts";
import { attemptsBeforeLeases, recordAttempt } from "../runs/attempts.ts";
import { type Cause, causeOf } from "../runs/causes.ts";
import { removeCheckpoints } from "../runs/checkpoints.ts";
import { doneText } from "../runs/done-file.ts";
import { acquireLease, type Claimant, type Lease, LeaseLost } from "../runs/lease-holder.ts";
import { runFiles } from "../runs/paths.ts";
import { isFinished, type RunStatus, readStatus, writeStatus } from "../runs/status.ts";
import { trainInto } from "./attempt.ts";
import type { RunEvent } from "./events.ts";
import { beginRun } from "./start.ts";

/** A run as the sweep hands it over: its name, its identity, the swept keys and its values of them. */
export interface RunSpec {
  readonly name: string;
  readonly id: string;
  readonly factors: Readonly<Record<string, unknown>>;
  readonly config: RunConfig;
}

export interface RunContext {
  readonly dir: string;
  readonly data: DataContext;
  readonly claim?: Claimant;
  /** What `engine: auto` means; absent: to be found out. */
  readonly engine?: EngineName;
  /** The words of the user's command, where this process is started by another; default: its own. */
  readonly command?: readonly string[];
  readonly tell: (event: RunEvent) => void;
  readonly shouldStop: () => boolean;
}

/**
 * Trains the run, from its last checkpoint if it has one, and returns its last status; undefined where another process
 * holds its lease, or took it over meanwhile. Throws only where the folder cannot even hold a lease.
 */
export async function executeRun(spec: RunSpec, ctx: RunContext): Promise<RunStatus | undefined> {
  const past = attemptsBeforeLeases(ctx.dir);
  const lease = await acquireLease(ctx.dir, { ...ctx.claim, past });
  let status: RunStatus | undefined;
  if (lease !== undefined) {
    try {
      status = isFinished(ctx.dir) ? readStatus(ctx.dir) : await attempt(spec, ctx, lease);
    } finally {
      lease.release();
    }
  }
  ctx.tell(status === undefined ? { kind: "taken" } : { kind: "end", status });
  return status;
}

async function attempt(spec: RunSpec, ctx: RunContext, lease: Lease): Promise<RunStatus | undefined> {
  const files = runFiles(ctx.dir);
  let status: RunStatus = {
    state: "running",
    attempt: lease.attempt,
    run: spec.name,
    id: spec.id,
    pid: process.pid,
    host: hostname(),
    started: new Date().toISOString(),
  };
  const note = (changes: Partial<RunStatus>) => {
    status = { ...status, ...changes };
  };
  const become = (changes: Partial<RunStatus>) => {
    note(changes);
    return writeStatus(ctx.dir, status, lease);
  };
  let from = 0;
  const record = (cause?: Cause) => {
    const { state, host, pid, started, step = from, message } = status;
    recordAttempt(ctx.dir, {
      attempt: lease.attempt,
      host,
      pid,
      started,
      ended: new Date().toISOString(),
      from_step: from,
      to_step: step,
      how: state,
      ...(cause === undefined ? {} : { cause }),
      ...(message === undefined ? {} : { message }),
    });
  };
  const log = logger(files.log, { run: spec.name, attempt: lease.attempt });

  try {
    const notes: string[] = [];
    const resumed = await beginRun(spec, ctx.dir, lease, (line) => notes.push(line));
    from = resumed?.facts.step ?? 0;
    ctx.tell({ kind: "begin", attempt: lease.attempt, step: from });
    await lease.writeFile(files.config, `${jsonText(spec, 2)}\n`);
    for (const text of notes) {
      log().warn(text);
      ctx.tell({ kind: "phase", text });
    }
    await become({});
    const { outcome, tables } = await trainInto({ spec, ctx, lease, log, become, note }, resumed);
    const stopped = outcome.state === "interrupted" ? { cause: "stopped" as const } : {};
    await become({ ...outcome, ...stopped, ended: new Date().toISOString() });
    log().info({ outcome, status }, `ended: ${outcome.state}`);
    const finished = outcome.state !== "interrupted";
    const done = finished ? await doneText(ctx.dir, outcome.state, tables) : "";
    record(stopped.cause);
    if (!finished) return status;
    await lease.writeFile(files.done, done);
    // What is left of them is of no use, and no harm: the run is finished.
    await removeCheckpoints(ctx.dir).catch((err) => log().warn({ err }, "checkpoints not removed"));
  } catch (error) {
    if (error instanceof LeaseLost || isLost(lease)) return undefined;
    const unforeseen = `unexpected: ${error instanceof Error ? error.message : error} (stack in log.jsonl)`;
    const cause = causeOf(error);
    note({ state: "failed", message: knownError(error)?.message ?? unforeseen, cause });
    // A full disk takes none of these; whoever started this process hears of it all the same.
    await become({ ended: new Date().toISOString() }).catch(() => {});
    quietly(() => log().error({ err: error }, "failed"));
    quietly(() => record(cause));
  }
  return status;
}

/** The run's log, opened when the first line is written to it. */
function logger(path: string, base: object): () => pino.Logger {
  let log: pino.Logger | undefined;
  return () => {
    log ??= pino({ base }, pino.destination({ dest: openRegular(path, "append"), sync: true }));
    return log;
  };
}

/** Another process has taken over, or the run's folder is gone: whatever went wrong went wrong because of that. */
function isLost(lease: Lease): boolean {
  try {
    lease.verify();
    return false;
  } catch (error) {
    return error instanceof LeaseLost;
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // said elsewhere
  }
}
