/** Trains the runs of a sweep, each in a child process, with progress; Ctrl-C once stops cleanly, twice at once. */
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import pino from "pino";
import type { sweepFiles } from "../runs/paths.ts";
import { type RunStatus, readStatus, stateLabel, writeStatus } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import { type ChildEnd, type Launched, launch } from "../sweep/launch.ts";
import { pool } from "../sweep/pool.ts";
import type { RunEvent } from "../train/events.ts";
import type { Work } from "./commands/run-one.ts";
import type { Io } from "./io.ts";
import { dataContext } from "./places.ts";
import { type Progress, progress } from "./progress.ts";

/** How a sweep ended: with all its runs tried, or by a signal. */
export type SweepEnd = "all" | "interrupted" | "terminated";

export interface Trained {
  readonly end: SweepEnd;
  /** How each run that was started ended, also where the disk would not take it. */
  readonly statuses: ReadonlyMap<string, RunStatus>;
}

export interface TrainAll {
  readonly file: string;
  readonly runs: readonly Run[];
  readonly files: ReturnType<typeof sweepFiles>;
  readonly jobs: number;
  readonly io: Io;
}

/** This program, for child processes. */
export const ENTRY = fileURLToPath(new URL("../../bin/hnorm.js", import.meta.url));

export async function trainAll({ file, runs, files, jobs, io }: TrainAll): Promise<Trained> {
  const statuses = new Map<string, RunStatus>();
  if (runs.length === 0) return { end: "all", statuses };
  const bars = progress(
    io,
    runs.reduce((sum, run) => sum + run.config.train.steps, 0),
  );
  const active = new Set<Launched>();
  const signals = listen(active, bars);
  const data = dataContext(file);
  const log = pino({ base: { pid: process.pid } }, pino.destination({ dest: files.log, sync: true }));
  try {
    await pool(runs, jobs, signals.stopping, async (run) => {
      const dir = files.run(run.name);
      bars.begin(run.name);
      log.info({ run: run.name, id: run.id }, "started");
      const work: Work = { spec: run, dir, data };
      const child = launch<Work, RunEvent>({
        entry: ENTRY,
        work,
        onEvent: (event) => bars.event(run.name, event),
      });
      active.add(child);
      const end = await child.ended;
      active.delete(child);
      const status = await settle(run, dir, end);
      statuses.set(run.name, status);
      log.info({ run: run.name, status }, `ended: ${describe(status)}`);
      bars.end(run.name, describe(status));
    });
  } finally {
    signals.close();
    bars.close();
  }
  return { end: signals.end(), statuses };
}

/** What schedulers send before they end a job. */
const SAVE_SIGNALS = ["SIGTERM", "SIGUSR2"] as const;

/** First signal: let every run save its state and stop at its next step. Second: kill them. */
function listen(active: ReadonlySet<Launched>, bars: Progress) {
  let end: SweepEnd = "all";
  const on = (how: SweepEnd) => () => {
    if (end !== "all") {
      for (const child of active) child.kill();
      return;
    }
    end = how;
    bars.say("saving and stopping after the current step; press Ctrl-C again to stop at once");
    for (const child of active) child.stop();
  };
  const [interrupt, terminate] = [on("interrupted"), on("terminated")];
  process.on("SIGINT", interrupt);
  for (const signal of SAVE_SIGNALS) process.on(signal, terminate);
  return {
    stopping: () => end !== "all",
    end: () => end,
    close() {
      process.off("SIGINT", interrupt);
      for (const signal of SAVE_SIGNALS) process.off(signal, terminate);
    },
  };
}

/** What the run's status file says; a child that died without a word is given a status that says so. */
async function settle(run: Run, dir: string, end: ChildEnd): Promise<RunStatus> {
  const status = readStatus(dir);
  // A status of another process is what an earlier attempt left: this one died before it could say anything.
  if (status !== undefined && status.pid === end.pid && status.state !== "running") return status;
  const how = end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`;
  const message = `the process ended with ${how}${end.stderr === "" ? "" : `: ${end.stderr.trim()}`}`;
  const died: RunStatus = {
    attempt: 1,
    run: run.name,
    id: run.id,
    pid: 0,
    host: hostname(),
    started: new Date().toISOString(),
    ...status,
    state: "failed",
    ended: new Date().toISOString(),
    message,
  };
  await writeStatus(dir, died).catch(() => {}); // a full disk killed it, perhaps: the message below still says so
  return died;
}

function describe(status: RunStatus): string {
  const { val_ppl, val_bits_per_byte, message } = status;
  const label = stateLabel(status);
  if (message !== undefined) return `${label}: ${message}`;
  if (val_ppl === undefined || val_bits_per_byte === undefined) return label;
  return `${label}, ${val_ppl.toFixed(3)} ppl, ${val_bits_per_byte.toFixed(4)} bits/byte`;
}
