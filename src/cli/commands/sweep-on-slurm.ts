/**
 * `hnorm sweep FILE --launcher slurm`: prepares the data here, where the network is, and submits the runs that are not
 * finished. Nothing is computed on this machine, so neither its memory, its speed nor its engines are looked at.
 */

import { resolve } from "node:path";
import { Option } from "commander";
import { ENTRY } from "../../lib/entry.ts";
import { EXIT } from "../../lib/errors.ts";
import { plural } from "../../lib/format.ts";
import { jsonText } from "../../lib/json.ts";
import { cacheDir, requireWritable, runsDir } from "../../local/folders.ts";
import { prepareCorpora } from "../../local/prepare-corpora.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { isFinished } from "../../runs/status.ts";
import { type Skipped, type SweepSubmission, submitSweep } from "../../slurm/submit-sweep.ts";
import type { Sweep } from "../../sweep/expand.ts";
import { reuseExistingNames } from "../../sweep/reuse-existing-names.ts";
import { writeSweepFile } from "../../sweep/sweep-file.ts";
import { warnOfChangedFiles } from "../files/warn-of-changed-files.ts";
import type { Io } from "../io.ts";

interface Options {
  readonly runsDir?: string;
  readonly json?: boolean;
}

/** `--launcher`, of `hnorm sweep`. */
export const launcherOption = (): Option =>
  new Option("--launcher <where>", "train here, or submit jobs to Slurm (slurm: in the config)")
    .choices(["local", "slurm"])
    .default("local");

/** This installation, as it is called on the nodes: a compute node's PATH may hold another node, or none. */
const PROGRAM = [process.execPath, ENTRY];

export async function slurmSweep(asked: Sweep, options: Options, io: Io): Promise<number> {
  const files = sweepFiles(resolve(runsDir(options.runsDir), asked.name));
  const loaded = reuseExistingNames(asked, files.dir);
  const { name, file, runs, duplicates } = loaded;
  const todo = runs.filter((run) => !isFinished(files.run(run.name)));
  for (const { sameAs } of duplicates) io.log(`duplicate run skipped: ${sameAs}`);
  io.log(`sweep ${name}: ${plural(runs.length, "run")}, ${runs.length - todo.length} already finished`);
  if (todo.length > 0) {
    requireWritable(files.dir);
    await prepareCorpora(file, todo, io.log);
    await writeSweepFile(files.dir, loaded);
  }
  const jobs = { name, dir: files.dir, program: PROGRAM, env: environment() };
  const done: SweepSubmission =
    todo.length === 0
      ? { submitted: [], skipped: new Map(runs.map((run) => [run.name, "finished"])), notes: [] }
      : await submitSweep(jobs, runs, (line) => io.log(line));
  if (options.json) io.out(jsonText({ ...done, skipped: Object.fromEntries(done.skipped) }, 2));
  else for (const line of lines(done)) io.out(line);
  for (const note of done.notes) io.log(note);
  if (done.submitted.length > 0)
    io.log(`\n${files.dir} fills as they run; rerun the same command to submit what is missing then`);
  return (await warnOfChangedFiles(files, runs, io)) ? EXIT.someRunsFailed : EXIT.ok;
}

/** What decides where the data is found: on the nodes it is the same as here, whatever their own environment says. */
function environment(): Readonly<Record<string, string>> {
  const { HNORM_DATA_DIR } = process.env;
  const data = HNORM_DATA_DIR ? { HNORM_DATA_DIR: resolve(HNORM_DATA_DIR) } : {};
  return { HNORM_CACHE_DIR: resolve(cacheDir()), ...data };
}

function lines({ submitted, skipped }: SweepSubmission): readonly string[] {
  const what = submitted.map(({ job, kind, runs, elements }) => {
    if (kind === "report") return `submitted job ${job}: the report, once all others have ended`;
    const jobRuns = plural(runs.length, "run");
    const who = kind === "workers" ? `${plural(elements, "worker")} for ${jobRuns}` : jobRuns;
    return `submitted job ${job}: ${who}`;
  });
  const count = (why: Skipped) => [...skipped.values()].filter((word) => word === why).length;
  const left = (["finished", "running", "queued"] as const).filter((why) => count(why) > 0);
  const rest = left.map((why) => `${count(why)} ${why}`).join(", ");
  return [
    ...(what.length === 0 ? ["nothing to submit"] : what),
    ...(rest === "" ? [] : [`not submitted: ${rest}`]),
  ];
}
