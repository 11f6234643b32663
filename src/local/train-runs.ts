/** Trains the runs of a sweep, each in a child process, with progress, until all are finished or a signal says stop. */
import pino from "pino";
import { duration, fixed } from "../lib/format.ts";
import { openRegular } from "../lib/regular-file.ts";
import type { sweepFiles } from "../runs/paths.ts";
import { type RunStatus, readStatus, stateLabel } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import { attempt } from "./attempt.ts";
import type { EngineChooser } from "./choose-engine.ts";
import { dataContextIn } from "./folders.ts";
import type { Launched } from "./launch.ts";
import type { Progress } from "./progress.ts";
import type { RetryPolicy } from "./retry.ts";
import { listenForSignals, type SweepEnd } from "./signals.ts";
import type { Slot } from "./slots.ts";
import { runWorker, type WorkerListener, type WorkerResult } from "./worker.ts";

export interface SweepOutcome extends WorkerResult {
  readonly end: SweepEnd;
  /** How each run that was started here ended, also where the disk would not take it. */
  readonly statuses: ReadonlyMap<string, RunStatus>;
}

export interface TrainRuns {
  readonly runs: readonly Run[];
  readonly files: ReturnType<typeof sweepFiles>;
  /** Where relative paths of `data:` start. */
  readonly baseDir: string;
  readonly slots: readonly Slot[];
  readonly policy: RetryPolicy;
  /** The engine of a name; runs that leave it to the machine get the same one. */
  readonly choose: EngineChooser;
  /** See worker.ts. */
  readonly retryFailed: boolean;
  readonly wait: boolean;
  readonly startAt?: number;
  /** Shows how it goes; `steps`: of all runs still to do. */
  readonly progress: (steps: number) => Progress;
}

export async function trainRuns(options: TrainRuns): Promise<SweepOutcome> {
  const { runs, files, slots, policy, retryFailed, wait, startAt = 0 } = options;
  const statuses = new Map<string, RunStatus>();
  if (runs.length === 0) return { end: "all", statuses, failed: [], left: [] };
  const progress = options.progress(runs.reduce((sum, run) => sum + run.config.train.steps, 0));
  const active = new Set<Launched>();
  const signals = listenForSignals(active, progress.log);
  const log = sweepLog(files.log);
  const dirOf = (run: Run) => files.run(run.name);
  const data = dataContextIn(options.baseDir);
  try {
    const result = await runWorker({
      runs,
      dirOf,
      slots,
      policy,
      retryFailed,
      wait,
      startAt,
      stopping: signals.stopping,
      listener: reporter(progress, statuses, dirOf, log),
      async attempt(run, slot, silent) {
        const status = await attempt(run, slot, silent, {
          dir: dirOf(run),
          data,
          choose: options.choose,
          active,
          killed: signals.killed,
          progress,
        });
        if (status === undefined) return undefined;
        statuses.set(run.name, status);
        log({ run: run.name, status }, `ended: ${describe(status)}`);
        progress.end(run.name, describe(status));
        return status;
      },
    });
    return { end: signals.end(), statuses, ...result };
  } finally {
    signals.close();
    progress.close();
  }
}

type Log = (facts: object, what: string) => void;

/** The sweep's own log. A disk that is full costs lines of it, not the sweep. */
function sweepLog(path: string): Log {
  const log = pino(
    { base: { pid: process.pid } },
    pino.destination({ dest: openRegular(path, "append"), sync: true }),
  );
  return (facts, what) => {
    try {
      log.info(facts, what);
    } catch {
      // the terminal is told the same
    }
  };
}

const reporter = (
  progress: Progress,
  statuses: ReadonlyMap<string, RunStatus>,
  dirOf: (run: Run) => string,
  log: Log,
): WorkerListener => ({
  waiting: ({ name }, { pid, host, attempt }) =>
    progress.log(`wait   ${name}: held by process ${pid} on ${host} (attempt ${attempt})`),
  retrying({ name }, waitMs) {
    log({ run: name, waitMs }, "will be retried");
    progress.log(`retry  ${name}: in ${duration(waitMs / 1000)}`);
  },
  failed({ name }, why) {
    log({ run: name, why }, "not retried");
    progress.log(`failed ${name}: not retried${why === undefined ? "" : `: ${why}`}`);
  },
  finished(run) {
    const status = statuses.has(run.name) ? undefined : readStatus(dirOf(run));
    if (status !== undefined)
      progress.log(`done   ${run.name}: finished by another process: ${describe(status)}`);
  },
});

function describe(status: RunStatus): string {
  const { val_ppl, val_bits_per_byte, message } = status;
  const label = stateLabel(status);
  if (message !== undefined) return `${label}: ${message}`;
  if (val_ppl === undefined || val_bits_per_byte === undefined) return label;
  return `${label}, ${fixed(val_ppl, 3)} ppl, ${fixed(val_bits_per_byte, 4)} bits/byte`;
}
