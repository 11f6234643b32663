/** `hnorm sweep FILE`: trains every run that is not finished yet, then ranks them all. */

import { relative } from "node:path";
import type { Command } from "commander";
import { EXIT, UserError } from "../../lib/errors.ts";
import { plural } from "../../lib/format.ts";
import { jsonText } from "../../lib/json.ts";
import { engineChooser, skippedEngines } from "../../local/choose-engine.ts";
import { costs } from "../../local/costs.ts";
import { requireWritable, runsDir } from "../../local/folders.ts";
import { prepareCorpora } from "../../local/prepare-corpora.ts";
import { remarks } from "../../local/remarks.ts";
import { requireAffordable } from "../../local/require-affordable.ts";
import type { SweepEnd } from "../../local/signals.ts";
import { slotsFor } from "../../local/slots-for.ts";
import { trainRuns } from "../../local/train-runs.ts";
import { alsoDiffers, alsoDiffersText } from "../../report/differences/fairness.ts";
import { dataMismatch, type RankedRun, resultRows } from "../../report/ranking/ranking.ts";
import { rankedRuns, writeResults } from "../../report/ranking/results-file.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { isFinished } from "../../runs/status.ts";
import { loadSweep, type Sweep } from "../../sweep/expand.ts";
import { readListing } from "../../sweep/listing.ts";
import { reuseExistingNames } from "../../sweep/reuse-existing-names.ts";
import { writeSweepFile } from "../../sweep/sweep-file.ts";
import { warnOfChangedFiles } from "../files/warn-of-changed-files.ts";
import type { Io } from "../io.ts";
import { jobsFrom } from "../options/jobs.ts";
import { overrideOption } from "../options/overrides.ts";
import { RETRIES_HELP, retriesOption, retryPolicy } from "../options/retries.ts";
import { sweepProgress } from "../progress/sweep-progress.ts";
import { writingResults } from "../progress/writing-results.ts";
import { rankingText } from "../tables/arms-table.ts";
import { launcherOption, slurmSweep } from "./sweep-on-slurm.ts";

interface Options {
  readonly runsDir?: string;
  readonly jobs?: string;
  readonly retries: string;
  readonly maxHours: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly launcher: "local" | "slurm";
  readonly set: readonly string[];
}

const ABOUT = `
Rerun it after anything: finished runs are kept, runs that were stopped or killed resume from their last checkpoint, and
runs that had failed permanently are retried once. "hnorm worker" helps from other terminals and machines.
${RETRIES_HELP}`;

export function sweepCommand(command: Command, io: Io): void {
  command
    .argument("<file>", "a config")
    .argument("[overrides...]", "key=value; a comma list sweeps: norm=pre,post")
    .option("--runs-dir <dir>", "where results go (default: HNORM_RUNS_DIR, or ./runs)")
    .option("--jobs <n>", "runs at the same time (default: 1, or one on each GPU)")
    .addOption(retriesOption())
    .option("--max-hours <h>", "refuse a sweep that would take longer than this on this machine", "168")
    .option("--force", "start even if the sweep exceeds this machine")
    .addOption(launcherOption())
    .option("--json", "print the ranking as JSON")
    .addOption(overrideOption())
    .addHelpText("after", ABOUT)
    .action(async (file: string, overrides: readonly string[], options: Options) => {
      const loaded = loadSweep(file, [...overrides, ...options.set]);
      for (const field of alsoDiffers(loaded.runs, loaded.name)) io.log(alsoDiffersText(field));
      for (const remark of [...loaded.overridden, ...remarks(loaded.runs)]) io.log(remark);
      const run = options.launcher === "slurm" ? slurmSweep : sweep;
      process.exitCode = await run(loaded, options, io);
    });
}

async function sweep(asked: Sweep, options: Options, io: Io): Promise<number> {
  const files = sweepFiles(`${runsDir(options.runsDir)}/${asked.name}`);
  const loaded = reuseExistingNames(asked, files.dir);
  const { name, file, baseDir, runs, duplicates } = loaded;
  const jobs = jobsFrom(options.jobs);
  const policy = retryPolicy(options.retries);
  const maxHours = hours(options.maxHours);
  const todo = runs.filter((run) => !isFinished(files.run(run.name)));
  for (const { sameAs } of duplicates) io.log(`duplicate run skipped: ${sameAs}`);
  io.log(`sweep ${name}: ${plural(runs.length, "run")}, ${runs.length - todo.length} already finished`);

  const configs = todo.map((run) => run.config);
  const choose = engineChooser(io.log);
  const slots = await slotsFor(configs, jobs, choose);
  if (todo.length > 0) {
    const forecasts = await costs(configs, choose);
    for (const line of skippedEngines(forecasts.map(({ chosen }) => chosen))) io.log(`skipped: ${line}`);
    if (!options.force) await requireAffordable(forecasts, slots.length, maxHours);
    requireWritable(files.dir);
    await prepareCorpora(file, todo, io.log);
  }
  const gone = await writeSweepFile(files.dir, loaded);
  if (gone.length > 0) io.log(`no longer part of this sweep (never started): ${gone.join(", ")}`);
  const listed = readListing(files.dir).runs;
  const kept = listed.length - runs.length;
  if (kept > 0)
    io.log(
      `${plural(kept, "run")} of an earlier ${name} ${kept === 1 ? "stays" : "stay"} in the sweep; shown below is what was asked for`,
    );
  const { end, statuses } = await trainRuns({
    runs: todo,
    files,
    baseDir,
    slots,
    policy,
    choose,
    retryFailed: true,
    wait: true,
    progress: (steps) => writingResults(sweepProgress(io, steps), files, { name, runs: listed }),
  });

  const { runs: ranked, by } = rankedRuns(files, runs, statuses);
  const { text, caveat } = rankingText(ranked, name, { by });
  io.out(options.json ? jsonText(resultRows(ranked, by, name), 2) : text);
  await writeResults(files, { name, runs: listed }, statuses);
  io.log(`\nresults: ${files.results}`);
  if (caveat !== undefined) io.log(caveat);
  if (end !== "all") io.log("stopped; rerun the same command to resume");
  else if (ranked.some(isDone)) io.log(`next: hnorm report ${fromHere(files.dir)}`);
  const mismatch = dataMismatch(ranked, by);
  if (mismatch !== undefined) io.log(mismatch);
  const changed = await warnOfChangedFiles(files, runs, io);
  return exitCode(
    end,
    changed || ranked.some((run) => run.status?.state === "failed"),
    mismatch !== undefined,
  );
}

/** As a user would write it: relative where it lies below the current folder. */
function fromHere(dir: string): string {
  const path = relative(process.cwd(), dir);
  return path.startsWith("..") ? dir : path;
}

const isDone = ({ status }: RankedRun): boolean => status?.state === "done";

function exitCode(end: SweepEnd, anyFailed: boolean, dataDiffer: boolean): number {
  if (end === "interrupted") return EXIT.interrupted;
  if (end === "terminated") return EXIT.savedRequeue;
  if (anyFailed) return EXIT.someRunsFailed;
  return dataDiffer ? EXIT.mismatch : EXIT.ok;
}

function hours(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new UserError(`--max-hours: got ${text}; expected a number above 0`);
}
