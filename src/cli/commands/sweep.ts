/** `hnorm sweep FILE`: trains every run that is not finished yet, then ranks them all. */
import type { Command } from "commander";
import { EXIT, UserError } from "../../lib/errors.ts";
import { dataMismatch, rank, resultRows } from "../../report/ranking.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { isFinished } from "../../runs/status.ts";
import { loadSweep, type Sweep } from "../../sweep/expand.ts";
import { costs, requireAffordable } from "../cost-guard.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../overrides.ts";
import { requireWritable, runsDir } from "../places.ts";
import { rankingTable } from "../ranking-table.ts";
import { prepareCorpora } from "../sweep-data.ts";
import { type SweepEnd, trainAll } from "../sweep-runs.ts";
import { withStatus, writeResults, writeSweep } from "../sweep-writes.ts";

interface Options {
  readonly runsDir?: string;
  readonly jobs: string;
  readonly maxHours: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly set: readonly string[];
}

export function sweepCommand(program: Command, io: Io): void {
  program
    .command("sweep")
    .argument("<file>", "a config")
    .argument("[overrides...]", "key=value; a comma list sweeps: norm=pre,post")
    .option("--runs-dir <dir>", "where results go (default: HNORM_RUNS_DIR, or ./runs)")
    .option("--jobs <n>", "runs at the same time", "1")
    .option("--max-hours <h>", "refuse a sweep that would take longer on this machine", "168")
    .option("--force", "start however long it takes")
    .option("--json", "print the ranking as JSON")
    .addOption(overrideOption())
    .description("train every run of a config that is not finished yet, and rank them")
    .action(async (file: string, overrides: readonly string[], options: Options) => {
      const loaded = loadSweep(file, [...overrides, ...options.set]);
      process.exitCode = await sweep(loaded, options, io);
    });
}

async function sweep(loaded: Sweep, options: Options, io: Io): Promise<number> {
  const { name, file, runs, duplicates } = loaded;
  const jobs = positive("--jobs", options.jobs);
  const maxHours = positive("--max-hours", options.maxHours);
  const files = sweepFiles(`${runsDir(options.runsDir)}/${name}`);
  const todo = runs.filter((run) => !isFinished(files.run(run.name)));
  for (const { sameAs } of duplicates) io.say(`listed twice, trained once: ${sameAs}`);
  io.say(`sweep ${name}: ${runs.length} runs, ${runs.length - todo.length} already finished`);

  if (todo.length > 0) {
    const forecasts = await costs(todo.map((run) => run.config));
    if (!options.force) await requireAffordable(forecasts, jobs, maxHours);
    requireWritable(files.dir);
    await prepareCorpora(file, todo, io);
  }
  await writeSweep(files, loaded);
  const { end, statuses } = await trainAll({ file, runs: todo, files, jobs, io });

  const ranked = rank(withStatus(files, runs, statuses));
  io.out(options.json ? JSON.stringify(resultRows(ranked), null, 2) : rankingTable(ranked));
  await writeResults(files, ranked);
  io.say(`\nresults: ${files.results}`);
  if (end !== "all") io.say("stopped; the same command goes on where it was");
  const mismatch = dataMismatch(ranked);
  if (mismatch !== undefined) io.say(mismatch);
  return exitCode(
    end,
    ranked.some((run) => run.status?.state === "failed"),
    mismatch !== undefined,
  );
}

function exitCode(end: SweepEnd, anyFailed: boolean, dataDiffer: boolean): number {
  if (end === "interrupted") return EXIT.interrupted;
  if (end === "terminated") return EXIT.savedRequeue;
  if (anyFailed) return EXIT.someRunsFailed;
  return dataDiffer ? EXIT.mismatch : EXIT.ok;
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0 && (option !== "--jobs" || Number.isInteger(value))) return value;
  throw new UserError(
    `${option}: got ${text}; expected a ${option === "--jobs" ? "whole " : ""}number above 0`,
  );
}
