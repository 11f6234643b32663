/** `hnorm results DIR`: what a sweep has found, from what its runs wrote: its arms, then its runs. */

import type { Command } from "commander";
import { EXIT } from "../../lib/errors.ts";
import { jsonText } from "../../lib/json.ts";
import { armsAsJson } from "../../report/ranking/arm-rows.ts";
import { armsOf } from "../../report/ranking/arms.ts";
import { evidence } from "../../report/ranking/evidence.ts";
import { dataMismatch, resultRows } from "../../report/ranking/ranking.ts";
import { type Ranking, rankedRuns, writeResults } from "../../report/ranking/results-file.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { isFinished } from "../../runs/status.ts";
import { readListing } from "../../sweep/listing.ts";
import { warnOfChangedFiles } from "../files/warn-of-changed-files.ts";
import type { Io } from "../io.ts";
import { sweepFolder } from "../options/named-folder.ts";
import { armsTable, rankingText } from "../tables/arms-table.ts";

interface Options {
  readonly against?: string;
  readonly rankBy?: string;
  readonly arms?: boolean;
  readonly json?: boolean;
  readonly save?: boolean;
}

export function resultsCommand(command: Command, io: Io): void {
  command
    .argument("<dir>", "a sweep's folder or name, such as runs/quick")
    .option("--against <arm>", "compare to this arm instead of the best: its label or a prefix of it")
    .option("--rank-by <metric>", "METRIC, or SET/METRIC of eval.sets (default: eval.rank_by of the config)")
    .option("--arms", "arms only")
    .option("--json", "as JSON: the runs, or with --arms the arms")
    .option("--save", "write results.csv too; exit code 3 while runs are unfinished, 0 once all are finished")
    .action(async (word: string, options: Options) => {
      const dir = sweepFolder(word);
      const files = sweepFiles(dir);
      const { name, runs: listed } = readListing(dir);
      const ranking = options.save
        ? await writeResults(files, { name, runs: listed }, new Map(), options.rankBy)
        : rankedRuns(files, listed, new Map(), options.rankBy);
      print(name, ranking, options, io);
      const open = listed.filter((run) => !isFinished(files.run(run.name)));
      if (options.save && open.length > 0) {
        io.log(
          `not finished: ${open.length} of ${listed.length} runs: ${open.map((run) => run.name).join(", ")}`,
        );
        process.exitCode = EXIT.someRunsFailed;
      }
      const mismatch = dataMismatch(ranking.runs, ranking.by);
      if (mismatch !== undefined) {
        io.log(mismatch);
        process.exitCode = EXIT.mismatch;
      }
      if (await warnOfChangedFiles(files, listed, io)) process.exitCode = EXIT.someRunsFailed;
    });
}

function print(name: string, { runs, by }: Ranking, { against, arms, json }: Options, io: Io): void {
  const compared = { by, ...(against === undefined ? {} : { against }) };
  if (arms) {
    const found = evidence(armsOf(runs, name), compared);
    io.out(json ? jsonText(armsAsJson(found), 2) : armsTable(found, against !== undefined));
    return;
  }
  const { text, caveat } = rankingText(runs, name, compared);
  io.out(json ? jsonText(resultRows(runs, by, name), 2) : text);
  if (caveat !== undefined && !json) io.log(caveat);
}
