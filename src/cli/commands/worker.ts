/** `hnorm worker --sweep DIR`: helps with a sweep, from this terminal or another machine, until its runs are finished. */
import { hostname } from "node:os";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { EXIT, UserError } from "../../lib/errors.ts";
import { plural } from "../../lib/format.ts";
import { stream } from "../../lib/prng.ts";
import { nearest } from "../../lib/suggest.ts";
import { engineChooser } from "../../local/choose-engine.ts";
import { requireWritable } from "../../local/folders.ts";
import { slotsFor } from "../../local/slots-for.ts";
import { type SweepOutcome, trainRuns } from "../../local/train-runs.ts";
import { writeResults } from "../../report/ranking/results-file.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { isFinished } from "../../runs/status.ts";
import type { Run } from "../../sweep/expand.ts";
import { readSweepFile, requireIdentities } from "../../sweep/sweep-file.ts";
import { warnOfChangedFiles } from "../files/warn-of-changed-files.ts";
import type { Io } from "../io.ts";
import { jobsFrom } from "../options/jobs.ts";
import { sweepFolder } from "../options/named-folder.ts";
import { RETRIES_HELP, retriesOption, retryPolicy } from "../options/retries.ts";
import { sweepProgress } from "../progress/sweep-progress.ts";
import { writingResults } from "../progress/writing-results.ts";

interface Options {
  readonly sweep: string;
  readonly run: readonly string[];
  readonly jobs?: string;
  readonly retries: string;
  readonly retryFailed?: boolean;
  readonly wait: boolean;
}

const ABOUT = `
Any number of workers, and "hnorm sweep" itself, may work on one sweep, on one machine or on many that share its folder:
each run is held by one of them at a time. A run whose holder died on this machine is taken over at once; one on another
machine once it has sent no heartbeat for 60 seconds (HNORM_LEASE_SECONDS, which must be the same for all of them).
${RETRIES_HELP}

Exit codes: 0 its runs are finished   3 some failed permanently   75 not finished yet, rerun to resume   130 interrupted`;

export function workerCommand(command: Command, io: Io): void {
  command
    .requiredOption("--sweep <dir>", "a sweep's folder, such as runs/quick")
    .option("--run <name...>", "only these runs", [])
    .option("--jobs <n>", "runs at the same time (default: 1, or one on each GPU)")
    .addOption(retriesOption())
    .option("--retry-failed", "retry permanently failed runs once more")
    .option("--no-wait", "do not wait for runs that other processes hold")
    .addHelpText("after", ABOUT)
    .action(async (options: Options) => {
      process.exitCode = await worker(options, io);
    });
}

async function worker(options: Options, io: Io): Promise<number> {
  const dir = resolve(sweepFolder(options.sweep));
  const { name, base_dir: baseDir, runs } = readSweepFile(dir);
  const files = sweepFiles(dir);
  const mine = options.run.length === 0 ? runs : chosen(runs, options.run);
  const todo = mine.filter((run) => !isFinished(files.run(run.name)));
  requireIdentities(dir, todo);
  const policy = retryPolicy(options.retries);
  const choose = engineChooser(io.log);
  const slots = await slotsFor(
    todo.map(({ config }) => config),
    jobsFrom(options.jobs),
    choose,
  );
  requireWritable(dir);
  io.log(
    `worker on sweep ${name}: ${plural(mine.length, "run")}, ${mine.length - todo.length} already finished`,
  );

  const startAt = todo.length < 2 ? 0 : stream(process.pid, `worker on ${hostname()}`).below(todo.length);
  const trained = await trainRuns({
    runs: todo,
    files,
    baseDir,
    slots,
    policy,
    choose,
    startAt,
    retryFailed: options.retryFailed === true,
    wait: options.wait,
    progress: (steps) => writingResults(sweepProgress(io, steps), files, { name, runs }),
  });
  await writeResults(files, { name, runs }, trained.statuses);
  const { failed, left } = trained;
  io.log(
    `worker: ${mine.length - failed.length - left.length} finished, ${failed.length} failed, ${left.length} left`,
  );
  const changed = await warnOfChangedFiles(files, mine, io);
  return exitCode(trained, changed);
}

function exitCode({ end, failed, left }: SweepOutcome, changed: boolean): number {
  if (end === "interrupted") return EXIT.interrupted;
  if (end === "terminated") return EXIT.savedRequeue;
  if (failed.length > 0 || changed) return EXIT.someRunsFailed;
  return left.length > 0 ? EXIT.savedRequeue : EXIT.ok;
}

function chosen(runs: readonly Run[], names: readonly string[]): readonly Run[] {
  const known = new Map(runs.map((run) => [run.name, run]));
  return names.map((text) => {
    const run = known.get(basename(text));
    if (run !== undefined) return run;
    const near = nearest(text, [...known.keys()]);
    throw new UserError(
      `--run: the sweep has no run ${text}${near === undefined ? "" : `; did you mean ${near}?`}`,
    );
  });
}
