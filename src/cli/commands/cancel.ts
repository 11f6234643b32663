/** `hnorm cancel DIR`: ends what is queued or running of a sweep, here and in Slurm. Every run saves first. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import { EXIT, UserError } from "../../lib/errors.ts";
import { nearest } from "../../lib/suggest.ts";
import { trainsRun, workerOf } from "../../local/own-process.ts";
import { stopLocal, trainedHere } from "../../local/stop-local.ts";
import { leaseState, readLease } from "../../runs/lease.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { cancelJobs } from "../../slurm/cancel.ts";
import { slurmDir } from "../../slurm/submission.ts";
import { readListing } from "../../sweep/listing.ts";
import type { Io } from "../io.ts";

export function cancelCommand(command: Command, io: Io): void {
  command
    .argument("<dir>", "a sweep's folder, such as runs/quick")
    .option("--run <name>", "only this run; repeatable", (name, names: string[]) => [...names, name], [])
    .action(async (dir: string, { run }: { run: readonly string[] }) => {
      process.exitCode = await cancel(resolve(dir), run, io);
    });
}

async function cancel(dir: string, chosen: readonly string[], io: Io): Promise<number> {
  const all = readListing(dir).runs.map(({ name }) => name);
  for (const name of chosen.filter((word) => !all.includes(word))) {
    const near = nearest(name, all);
    throw new UserError(`${dir}: no run ${name} here${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
  const names = chosen.length === 0 ? all : chosen;
  const unreached: string[] = [];
  let stopped = 0;

  if (existsSync(slurmDir(dir))) {
    const cancelled = await cancelJobs(dir, chosen.length === 0 ? undefined : chosen);
    unreached.push(...cancelled.unreached);
    stopped += cancelled.jobs.length;
    for (const { id, runs, state } of cancelled.jobs)
      io.out(`cancelled job ${id}${runs.length === 1 ? `: ${runs[0]}` : ""} (${state.phase})`);
  }

  const { run: dirOf } = sweepFiles(dir);
  for (const name of names) {
    const lease = readLease(dirOf(name));
    if (lease === undefined || leaseState(lease) !== "elsewhere" || lease.slurm !== undefined) continue; // scancel has it
    unreached.push(`${name}: process ${lease.pid} on ${lease.host}; this is ${hostname()}`);
  }
  const alone = chosen.length === 0;
  const single = names.filter((name) => alone || !sharesWorker(dirOf(name)));
  for (const name of names.filter((word) => !single.includes(word)))
    unreached.push(
      `${name}: held by a worker on this machine, which would restart it; cancel without --run to stop the worker`,
    );
  const { signalled, stillRunning, foreign } = await stopLocal(single, dirOf);
  for (const [pid, runs] of signalled)
    io.out(`signalled process ${pid} to save and stop: ${runs.join(", ")}`);
  stopped += signalled.size;
  for (const [name, pid] of foreign)
    unreached.push(`${name}: process ${pid}, which its lease names, is not hnorm training it; not signalled`);
  for (const name of stillRunning) unreached.push(`${name}: still running`);

  for (const line of unreached) io.log(`not reached: ${line}`);
  if (stopped === 0 && unreached.length === 0) io.log("nothing is queued or running");
  return unreached.length === 0 ? EXIT.ok : EXIT.unavailable;
}

/** Whether a process of this machine trains it that would start it again, unless it is stopped with all its runs. */
function sharesWorker(dir: string): boolean {
  const lease = trainedHere(dir);
  return lease !== undefined && trainsRun(lease.pid, dir) && workerOf(lease.pid) !== undefined;
}
