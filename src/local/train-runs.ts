/** Trains the runs of a sweep, each in a child process, with progress, until all are finished or a signal says stop. */
import { randomUUID } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import { duration } from "../lib/format.ts";
import { runFiles, stderrFile, type sweepFiles } from "../runs/paths.ts";
import { type RunStatus, readStatus, stateLabel } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import type { RunEvent } from "../train/events.ts";
import type { EngineChooser } from "./choose-engine.ts";
import { dataContextIn } from "./folders.ts";
import { type Launched, launch } from "./launch.ts";
import { oomKills } from "./oom.ts";
import type { Progress } from "./progress.ts";
import type { RetryPolicy } from "./retry.ts";
import { settle } from "./settle.ts";
import { listen, type Signals, type SweepEnd } from "./signals.ts";
import type { Slot } from "./slots.ts";
import { type WorkerReport, type WorkerResult, work } from "./worker.ts";

export interface Trained extends WorkerResult {
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
  readonly anew: boolean;
  readonly wait: boolean;
  readonly first?: number;
  /** Shows how it goes; `steps`: of all runs still to do. */
  readonly progress: (steps: number) => Progress;
}

export async function trainRuns(options: TrainRuns): Promise<Trained> {
  const { runs, files, slots, policy, anew, wait, first = 0 } = options;
  const statuses = new Map<string, RunStatus>();
  if (runs.length === 0) return { end: "all", statuses, failed: [], left: [] };
  const progress = options.progress(runs.reduce((sum, run) => sum + run.config.train.steps, 0));
  const active = new Set<Launched>();
  const signals = listen(active, progress.log);
  const log = sweepLog(files.log);
  const dirOf = (run: Run) => files.run(run.name);
  try {
    const result = await work({
      runs,
      dirOf,
      slots,
      policy,
      anew,
      wait,
      first,
      stopping: signals.stopping,
      report: reporter(progress, statuses, dirOf, log),
      async attempt(run, slot, silent) {
        const status = await attempt(run, slot, silent, { options, active, signals, progress });
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
  const log = pino({ base: { pid: process.pid } }, pino.destination({ dest: path, sync: true }));
  return (facts, what) => {
    try {
      log.info(facts, what);
    } catch {
      // the terminal is told the same
    }
  };
}

interface Around {
  readonly options: TrainRuns;
  readonly active: Set<Launched>;
  readonly signals: Signals;
  readonly progress: Progress;
}

/** One process for one run, from its start to what became of it; undefined where another process has the run. */
async function attempt(
  run: Run,
  { device }: Slot,
  silent: string | undefined,
  { options, active, signals, progress }: Around,
): Promise<RunStatus | undefined> {
  const dir = options.files.run(run.name);
  const started = new Date().toISOString();
  const oomBefore = oomKills();
  let steps: readonly [from: number, to: number] = [0, 0];
  let stderr = join(runFiles(dir).logs, `starting-${randomUUID()}.err`);
  let last: RunEvent | undefined;
  let began = false;
  const { name: engine } = await options.choose(run.config.engine.name);
  const child = launch({
    work: {
      spec: run,
      dir,
      data: dataContextIn(options.baseDir),
      engine,
      stderr,
      claim: { silent, ...(device === undefined ? {} : { slot: device }) },
    },
    stderr,
    env: device === undefined ? {} : { CUDA_VISIBLE_DEVICES: device },
    onEvent(event) {
      last = event;
      if (event.kind === "begin") {
        began = true;
        steps = [event.step, event.step];
        stderr = stderrFile(dir, event.attempt);
        progress.begin(run.name);
      }
      if (event.kind === "step") steps = [steps[0], event.step];
      progress.event(run.name, event);
    },
  });
  active.add(child);
  const end = await child.ended;
  active.delete(child);
  dropIfEmpty(stderr);
  if (last?.kind === "taken") return undefined;
  if (last?.kind === "end") return last.status;
  const [killed, meanwhile] = [signals.killed(), oomKills() - oomBefore];
  return settle({ run, dir, end, started, steps, killed, began, oomKills: meanwhile });
}

/** A log without a word. */
function dropIfEmpty(path: string): void {
  try {
    if (statSync(path).size === 0) rmSync(path);
  } catch {
    // kept in memory, or moved aside meanwhile
  }
}

const reporter = (
  progress: Progress,
  statuses: ReadonlyMap<string, RunStatus>,
  dirOf: (run: Run) => string,
  log: Log,
): WorkerReport => ({
  waiting: ({ name }, { pid, host, attempt }) =>
    progress.log(`wait   ${name}: process ${pid} on ${host} trains it (attempt ${attempt})`),
  retrying({ name }, waitMs) {
    log({ run: name, waitMs }, "will be tried again");
    progress.log(`retry  ${name}: again in ${duration(waitMs / 1000)}`);
  },
  failed({ name }, why) {
    log({ run: name, why }, "not tried again");
    progress.log(`failed ${name}: not tried again${why === undefined ? "" : `: ${why}`}`);
  },
  finished(run) {
    const status = statuses.has(run.name) ? undefined : readStatus(dirOf(run));
    if (status !== undefined) progress.log(`done   ${run.name}: by another process: ${describe(status)}`);
  },
});

function describe(status: RunStatus): string {
  const { val_ppl, val_bits_per_byte, message } = status;
  const label = stateLabel(status);
  if (message !== undefined) return `${label}: ${message}`;
  if (val_ppl === undefined || val_bits_per_byte === undefined) return label;
  return `${label}, ${val_ppl.toFixed(3)} ppl, ${val_bits_per_byte.toFixed(4)} bits/byte`;
}
