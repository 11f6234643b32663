/** The process of one run, at its other end from launch.ts: takes the work over the message channel, trains, says how it goes. */
import { renameSync } from "node:fs";
import { hostname } from "node:os";
import { knownError } from "../lib/errors.ts";
import { causeOf } from "../runs/causes.ts";
import type { Claimant } from "../runs/lease-holder.ts";
import { stderrFile } from "../runs/paths.ts";
import { type RunStatus, readStatus } from "../runs/status.ts";
import type { RunEvent } from "../train/events.ts";
import { executeRun } from "../train/run.ts";
import type { ToChild, Work } from "./work.ts";

/** Returns when the run has ended, whatever became of it; throws where its folder could not even take a lease. */
export async function child(): Promise<void> {
  let stopping = false;
  const stop = () => {
    stopping = true;
  };
  // A terminal's Ctrl-C reaches this process too; the parent decides what it means.
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {}); // so does its end
  process.on("SIGTERM", stop);
  process.on("SIGUSR2", stop);
  process.on("disconnect", stop);

  const work = await new Promise<Work>((resolve) => {
    process.on("message", (message: ToChild) => (message.kind === "work" ? resolve(message.work) : stop()));
  });
  const tell = (event: RunEvent) => {
    if (event.kind === "begin" && work.stderr !== undefined)
      rename(work.stderr, stderrFile(work.dir, event.attempt));
    if (process.connected) process.send?.(event, () => {}); // the parent may be gone by now
  };
  const data = {
    ...work.data,
    onProgress: (text: string, done?: number, total?: number) => tell(phase(text, done, total)),
  };
  const claim = { ...work.claim, ...slurmJob() };
  try {
    const { spec, dir, engine, command } = work;
    await executeRun(spec, {
      dir,
      data,
      claim,
      tell,
      shouldStop: () => stopping,
      ...(engine === undefined ? {} : { engine }),
      ...(command === undefined ? {} : { command }),
    });
  } catch (error) {
    tell({ kind: "end", status: neverBegan(work, error) });
    throw error;
  } finally {
    process.disconnect?.(); // an open channel would keep the process alive
  }
}

/** A run whose folder could not even take a lease: no attempt of its own, but later than all those before. */
const neverBegan = ({ spec: { name, id }, dir }: Work, error: unknown): RunStatus => ({
  state: "failed",
  attempt: readStatus(dir)?.attempt ?? 0,
  run: name,
  id,
  pid: process.pid,
  host: hostname(),
  started: new Date().toISOString(),
  ended: new Date().toISOString(),
  cause: causeOf(error),
  message: knownError(error)?.message ?? String(error),
});

function slurmJob(): Pick<Claimant, "slurm"> {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: task, SLURM_JOB_ID: job = array } = process.env;
  if (job === undefined) return {};
  return { slurm: task === undefined ? { job } : { job: array ?? job, task } };
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // there was no room for it: the parent keeps the words
  }
}

const phase = (text: string, done?: number, total?: number): RunEvent => ({
  kind: "phase",
  text,
  ...(done === undefined ? {} : { done }),
  ...(total === undefined ? {} : { total }),
});
