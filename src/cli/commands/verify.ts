/** `hnorm verify FILE`: the finished runs of a config against what its `expect:` section says of them. */

import type { Command } from "commander";
import { EXIT, UserError } from "../../lib/errors.ts";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import { jsonText } from "../../lib/json.ts";
import { memoize } from "../../lib/memo.ts";
import { runsDir } from "../../local/folders.ts";
import { junitXml } from "../../report/expectations/junit.ts";
import { overall, verdicts } from "../../report/expectations/verdicts.ts";
import { armsOf } from "../../report/ranking/arms.ts";
import { evaluationScores } from "../../report/ranking/evaluation-scores.ts";
import type { RankedRun } from "../../report/ranking/ranking.ts";
import { readRankBy } from "../../report/ranking/read-rank-by.ts";
import { readEvaluations } from "../../report/readers/evaluations.ts";
import { runFiles, sweepFiles } from "../../runs/paths.ts";
import { readStatus } from "../../runs/status.ts";
import { loadSweep } from "../../sweep/expand.ts";
import { reuseExistingNames } from "../../sweep/reuse-existing-names.ts";
import { verifyFiles } from "../files/verify-files.ts";
import { warnOfChangedFiles } from "../files/warn-of-changed-files.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../options/overrides.ts";
import { verdictTable } from "../tables/verdict-table.ts";

interface Options {
  readonly runsDir?: string;
  readonly json?: boolean;
  readonly junit?: string;
  readonly files?: boolean;
  readonly set: readonly string[];
}

const ABOUT = `
  expect:
    - { arm: { norm: pre }, val_ppl: 26.8, within: 2%, source: "a paper, a table" }   # the mean over seeds
    - { arm: { norm: post }, better_than: { norm: pre }, by: 0.01 }                    # nats of val_loss, seed by seed
    - { arm: { norm: pre }, SET/accuracy: { above: 0.4 } }                             # any metric of eval.sets
    - { arm: { norm: post }, better_than: { norm: pre }, metric: SET/accuracy }
    - { arm: { norm: post, train.lr: best }, better_than: { norm: pre, train.lr: best } } # each at its best rate
    - { diverges: false }                                                              # without arm: every arm
Exit code 0: all is met. 4: something is missed. 3: nothing is missed, but runs are missing, which "hnorm sweep" trains, or
files of finished ones are gone or changed.

  hnorm verify --files runs/quick     # every byte of its finished runs, against the checksums in their DONE files
Exit code 0: all are as they were when the runs finished. 4: some are gone or changed.`;

const EXIT_OF = { met: EXIT.ok, missed: EXIT.mismatch, "not finished": EXIT.someRunsFailed } as const;

export function verifyCommand(command: Command, io: Io): void {
  command
    .argument("<file>", "a config with an expect: section; with --files, a folder")
    .argument("[overrides...]", "key=value, as they were given to hnorm sweep; with --files, more folders")
    .option(
      "--files",
      "check the files of all finished runs in these folders, of sweeps, runs or many sweeps",
    )
    .option("--runs-dir <dir>", "where its results are (default: HNORM_RUNS_DIR, or ./runs)")
    .option("--json", "as JSON")
    .option("--junit <xml>", "write a JUnit file too, for CI")
    .addOption(overrideOption())
    .addHelpText("after", ABOUT)
    .action(async (file: string, overrides: readonly string[], options: Options) => {
      if (options.files) {
        process.exitCode = await verifyFiles([file, ...overrides], options, io);
        return;
      }
      const asked = loadSweep(file, [...overrides, ...options.set]);
      const files = sweepFiles(`${runsDir(options.runsDir)}/${asked.name}`);
      const { name, runs, expectations } = reuseExistingNames(asked, files.dir);
      if (expectations === undefined)
        throw new UserError(`${file}: no expect: section (see hnorm verify --help)`);
      const ranked = runs.map((run): RankedRun => ({ ...run, status: readStatus(files.run(run.name)) }));
      const evaluationsOf = memoize((run: string) => readEvaluations(runFiles(files.run(run)).evaluations));
      const all = verdicts(
        expectations,
        armsOf(ranked, name),
        evaluationScores(evaluationsOf),
        readRankBy(files.dir, runs),
      );
      if (all.every(({ verdict }) => verdict === "left out"))
        throw new UserError(`${file}: no expectation applies to the selected arms`);
      if (options.junit !== undefined) await writeFileAtomic(options.junit, junitXml(name, all));
      const result = overall(all);
      if (options.json) io.out(jsonText({ sweep: name, result, verdicts: all }, 2));
      else io.out(verdictTable(all));
      const missing = ranked.filter(({ status }) => status === undefined).length;
      if (missing > 0) io.log(`${files.dir}: ${missing} of ${runs.length} runs have not been started`);
      const changed = await warnOfChangedFiles(files, runs, io);
      process.exitCode = changed && result === "met" ? EXIT.someRunsFailed : EXIT_OF[result];
    });
}
