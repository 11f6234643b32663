/** `hnorm results DIR`: the ranking of a sweep, from what its runs wrote. */
import type { Command } from "commander";
import { EXIT } from "../../lib/errors.ts";
import { dataMismatch, rank, resultRows } from "../../report/ranking.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { isFinished, readStatus } from "../../runs/status.ts";
import type { Io } from "../io.ts";
import { rankingTable } from "../ranking-table.ts";
import { readListing } from "../sweep-listing.ts";
import { writeResults } from "../sweep-writes.ts";

export function resultsCommand(program: Command, io: Io): void {
  program
    .command("results")
    .argument("<dir>", "a sweep's folder, such as runs/quick")
    .option("--json", "as JSON")
    .option("--save", "write results.csv too; exit code 3 where runs are not finished, 0 where all are")
    .description("print the ranking of a sweep again")
    .action(async (dir: string, { json, save }: { json?: boolean; save?: boolean }) => {
      const files = sweepFiles(dir);
      const { runs: listed } = readListing(dir);
      const runs = save
        ? await writeResults(files, listed, new Map())
        : rank(listed.map((run) => ({ ...run, status: readStatus(files.run(run.name)) })));
      io.out(json ? JSON.stringify(resultRows(runs), null, 2) : rankingTable(runs));
      const open = listed.filter(({ name }) => !isFinished(files.run(name)));
      if (save && open.length > 0) {
        io.say(
          `not finished: ${open.length} of ${listed.length} runs: ${open.map(({ name }) => name).join(", ")}`,
        );
        process.exitCode = EXIT.someRunsFailed;
      }
      const mismatch = dataMismatch(runs);
      if (mismatch === undefined) return;
      io.say(mismatch);
      process.exitCode = EXIT.mismatch;
    });
}
