/** `hnorm results DIR`: the ranking of a sweep, from what its runs wrote. */
import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { EXIT, UserError } from "../../lib/errors.ts";
import { dataMismatch, type RankedRun, rank, resultRows } from "../../report/ranking.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { readStatus } from "../../runs/status.ts";
import type { Io } from "../io.ts";
import { rankingTable } from "../ranking-table.ts";

export function resultsCommand(program: Command, io: Io): void {
  program
    .command("results")
    .argument("<dir>", "a sweep's folder, such as runs/quick")
    .option("--json", "as JSON")
    .description("print the ranking of a sweep again")
    .action((dir: string, { json }: { json?: boolean }) => {
      const runs = rank(readSweep(dir));
      io.out(json ? JSON.stringify(resultRows(runs), null, 2) : rankingTable(runs));
      const mismatch = dataMismatch(runs);
      if (mismatch === undefined) return;
      io.say(mismatch);
      process.exitCode = EXIT.mismatch;
    });
}

/** The runs a sweep's folder lists, with their statuses. */
function readSweep(dir: string): readonly RankedRun[] {
  const files = sweepFiles(dir);
  if (!existsSync(files.sweep)) throw new UserError(`${dir}: no sweep here (no sweep.json)`);
  const { runs } = JSON.parse(readFileSync(files.sweep, "utf8")) as {
    runs: readonly Omit<RankedRun, "status">[];
  };
  return runs.map((run) => ({ ...run, status: readStatus(files.run(run.name)) }));
}
