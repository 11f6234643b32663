/** `hnorm report DIR`: a page with the figures of a sweep, its words as Markdown, and a summary on stdout. */

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { EXIT } from "../../lib/errors.ts";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import { jsonText } from "../../lib/json.ts";
import { readReportData } from "../../report/data/report-data.ts";
import { answerText } from "../../report/page/answer-text.ts";
import { plainText } from "../../report/page/blocks.ts";
import { reportJson } from "../../report/page/report-json.ts";
import { gradientLines } from "../../report/page/terminal.ts";
import { reportFiles } from "../../report/report-files.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { readListing } from "../../sweep/listing.ts";
import { warnOfChangedFiles } from "../files/warn-of-changed-files.ts";
import type { Io } from "../io.ts";
import { sweepFolder } from "../options/named-folder.ts";
import { armsTable } from "../tables/arms-table.ts";

interface Options {
  readonly out?: string;
  readonly against?: string;
  readonly rankBy?: string;
  readonly json?: boolean;
}

const HELP = `
Writes index.html (one file, no script), report.md (for a CI job's summary), arms.csv and the figures as .svg.
A sweep that is still running, or some of whose runs failed or diverged, is reported as far as it is.`;

export function reportCommand(command: Command, io: Io): void {
  command
    .argument("<dir>", "a sweep's folder or name, such as runs/quick")
    .option("--out <dir>", "where to write (default: DIR/report)")
    .option("--against <arm>", "the arm that the others are compared with (default: the best one)")
    .option("--rank-by <metric>", "METRIC, or SET/METRIC of eval.sets (default: eval.rank_by of the config)")
    .option("--json", "the numbers behind it on stdout, as JSON")
    .addHelpText("after", HELP)
    .action(async (word: string, { out: asked, against, rankBy, json }: Options) => {
      const dir = sweepFolder(word);
      const out = asked ?? join(dir, "report");
      const listing = readListing(dir);
      const data = readReportData(dir, listing, {
        ...(against === undefined ? {} : { against }),
        ...(rankBy === undefined ? {} : { rankBy }),
      });
      const files = reportFiles(data);
      for (const [name, text] of files) await writeFileAtomic(join(out, name), text);
      if (asked === undefined) dropFigures(out, files);
      if (json) io.out(jsonText(reportJson(data), 2));
      else {
        const parts = [
          plainText(answerText(data.evidence)),
          armsTable(data.evidence, against !== undefined),
          gradientLines(data),
        ];
        io.out(parts.filter((part) => part !== undefined).join("\n\n"));
      }
      io.log(
        `${json ? "" : "\n"}report: ${join(out, "index.html")} (and report.md, arms.csv, figures as .svg)`,
      );
      if (await warnOfChangedFiles(sweepFiles(dir), listing.runs, io)) process.exitCode = EXIT.someRunsFailed;
    });
}

/** Figures of an earlier report that this one does not have: in a folder that is ours, they would be taken for its own. */
function dropFigures(folder: string, files: ReadonlyMap<string, string>): void {
  for (const name of readdirSync(folder))
    if (name.endsWith(".svg") && !files.has(name)) rmSync(join(folder, name));
}
