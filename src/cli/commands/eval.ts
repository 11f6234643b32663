/** `hnorm eval RUN...`: finished runs under another evaluation protocol, or on another validation set. */

import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Command } from "commander";
import { type ChosenEngine, type EngineName, engineNames, engineToPlan } from "../../backends/registry.ts";
import { MAIN } from "../../config/evaluation-metrics.ts";
import { fromZod } from "../../config/resolve.ts";
import { type EvalSet, evalSet } from "../../config/schema.ts";
import { wording } from "../../config/wording.ts";
import { EXIT, UserError } from "../../lib/errors.ts";
import { fixed } from "../../lib/format.ts";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import { jsonText } from "../../lib/json.ts";
import { type Column, table } from "../../lib/table.ts";
import { engineChooser } from "../../local/choose-engine.ts";
import { dataContextIn } from "../../local/folders.ts";
import { protocols } from "../../protocols/index.ts";
import { reEvaluationFile, runFiles } from "../../runs/paths.ts";
import { evaluationText } from "../../runs/tables.ts";
import { isSweep } from "../../sweep/listing.ts";
import { type FinishedRun, readFinishedRun } from "../../train/finished-run.ts";
import { type ReEvaluation, reEvaluate } from "../../train/re-evaluate.ts";
import type { Io } from "../io.ts";
import { runFolder } from "../options/named-folder.ts";
import { parseYamlOption } from "../options/parse-yaml-option.ts";

interface Options {
  readonly protocol?: string;
  readonly on?: string;
  readonly source?: string;
  readonly tokens?: string;
  readonly engine?: string;
  readonly baseDir?: string;
  readonly json?: boolean;
  readonly save?: boolean;
}

/** What --source is called in the column `split`. */
const CUSTOM = "custom";

export function evalCommand(command: Command, io: Io): void {
  const names = Object.keys(protocols).join(", ");
  command
    .argument("<run...>", "folders of finished runs, such as runs/quick/*/")
    .option("--protocol <name>", `${names}; or as YAML: "{name: galore-256, plus_one: false}"`)
    .option("--on <set>", "one of the run's eval.sets (default: its own validation split)")
    .option("--source <yaml>", 'other data: "{name: c4, validation: wiki/*.json.gz}"')
    .option("--tokens <n>", "tokens of the split to evaluate (default: as in the run)")
    .option("--engine <name>", "default: the run's")
    .option("--base-dir <dir>", "the folder that relative data paths start from (default: as in the run)")
    .option("--save", "write eval-PROTOCOL.csv into the run's folder; its eval.csv is left untouched")
    .option("--json", "one JSON object per run")
    .action(async (dirs: readonly string[], options: Options) => {
      const results: ReEvaluation[] = [];
      for (const run of runsAmong(dirs, io).map(readFinishedRun)) {
        const result = await evaluated(run, options, io);
        results.push(result);
        if (options.json) io.out(jsonText(record(result)));
        if (options.save) await save(run, result, io);
      }
      if (!options.json) io.out(table(results, columnsFor(results)));
      process.exitCode = EXIT.ok;
    });
}

/** The folders of runs with weights: `runs/quick/*` has a report besides, and runs that diverged. */
function runsAmong(words: readonly string[], io: Io): readonly string[] {
  const dirs = words.map(runFolder);
  const whyNot = (dir: string): string | undefined => {
    const { config, weights } = runFiles(dir);
    if (existsSync(weights) || !isSweep(dirname(resolve(dir)))) return undefined;
    return existsSync(config) ? "its run has no weights to evaluate" : "not a run's folder";
  };
  const passed = dirs.filter((dir) => whyNot(dir) !== undefined);
  if (passed.length === dirs.length) return dirs; // none can be evaluated: the first of them says why
  for (const dir of passed) io.log(`skipped: ${dir}: ${whyNot(dir)}`);
  return dirs.filter((dir) => !passed.includes(dir));
}

async function evaluated(run: FinishedRun, options: Options, io: Io): Promise<ReEvaluation> {
  const { split, set } = chosenSet(run, options);
  const baseDir = options.baseDir === undefined ? run.baseDir : resolve(options.baseDir);
  if (baseDir === undefined)
    throw new UserError(
      `${run.dir}: its provenance does not record where the data were; pass --base-dir, the folder of its config`,
    );
  let shown = "";
  const ctx = dataContextIn(baseDir, (message) => {
    if (message !== shown) io.log(`data: ${message}`);
    shown = message;
  });
  const chosen = await engineFor(run, engineOf(options.engine), io);
  io.log(`${run.name}: evaluating on ${split}, engine ${chosen.name}`);
  return reEvaluate(run, split, set, chosen, ctx);
}

/** The one asked for, or what trained the run; where the config left that to its machine, this one may do otherwise. */
async function engineFor(
  run: FinishedRun,
  asked: EngineName | "auto" | undefined,
  io: Io,
): Promise<ChosenEngine> {
  const name = asked ?? run.config.engine.name;
  const former =
    asked === undefined && name === "auto" && run.engine !== undefined
      ? await engineToPlan(run.engine)
      : undefined;
  return former !== undefined && former.missing === undefined ? former : engineChooser(io.log)(name);
}

/** The run's own set of that name, or none, with what the options say otherwise. */
function chosenSet(run: FinishedRun, options: Options): { split: string; set: EvalSet } {
  const { tokens, sets = {} } = run.config.eval;
  if (options.on !== undefined && options.source !== undefined)
    throw new UserError("--on and --source are mutually exclusive");
  const named = options.on === undefined ? undefined : sets[options.on];
  if (options.on !== undefined && named === undefined)
    throw new UserError(
      `--on: ${run.dir} has no set ${options.on}; it has ${Object.keys(sets).join(", ") || "none"}`,
    );
  const written = {
    ...named,
    tokens: options.tokens === undefined ? (named?.tokens ?? tokens) : Number(options.tokens),
    ...(options.protocol === undefined ? {} : { protocol: parseYamlOption("--protocol", options.protocol) }),
    ...(options.source === undefined ? {} : { source: parseYamlOption("--source", options.source) }),
  };
  const result = evalSet.safeParse(written, { error: wording, reportInput: true });
  if (!result.success)
    throw new UserError(
      result.error.issues
        .flatMap((issue) => fromZod("eval", issue))
        .map(({ path: [, ...path], message }) => `--${path.join(".")}: ${message}`)
        .join("\n"),
    );
  const split = options.source === undefined ? (options.on ?? MAIN) : CUSTOM;
  return { split, set: { tokens, ...result.data } as EvalSet };
}

function engineOf(name: string | undefined): EngineName | "auto" | undefined {
  const known = ["auto", ...engineNames] as const;
  const found = known.find((engine) => engine === name);
  if (name === undefined || found !== undefined) return found;
  throw new UserError(`--engine: got ${name}; allowed: ${known.join(", ")}`);
}

/** As a row of eval.csv, and beyond; the protocol's own numbers after those that every table has. */
const record = (r: ReEvaluation) => {
  const { loss, ppl, bits_per_byte, ...own } = r.scores;
  return {
    run: r.run,
    step: r.step,
    split: r.split,
    protocol: r.protocol,
    loss,
    ppl,
    bits_per_byte,
    n_tokens: r.tokens,
    n_bytes: r.bytes,
    ...own,
    slice_sha256: r.sliceSha256,
    data_fingerprint: r.dataFingerprint,
    engine: r.engine,
  };
};

/** Whole and anew: the same evaluation again gives the same file. */
async function save({ dir }: FinishedRun, result: ReEvaluation, io: Io): Promise<void> {
  // Several sources are called custom: which rows were predicted tells them apart.
  const custom = `${CUSTOM}-${result.sliceSha256.slice(0, 8)}`;
  const split = result.split === CUSTOM ? custom : result.split === MAIN ? undefined : result.split;
  const path = reEvaluationFile(dir, result.protocol, split);
  await writeFileAtomic(path, evaluationText([record(result)], Object.keys(result.metrics)));
  io.log(`${result.run}: wrote ${basename(path)}`);
}

/** A column for every number that some of them have. */
function columnsFor(results: readonly ReEvaluation[]): readonly Column<ReEvaluation>[] {
  const metrics = new Map(results.flatMap((r) => Object.entries(r.metrics)));
  return [
    { title: "run", text: (r) => r.run, align: "left" },
    { title: "split", text: (r) => r.split, align: "left" },
    { title: "protocol", text: (r) => r.protocol, align: "left" },
    ...[...metrics].map(([name, { title = name, digits }]) => ({
      title,
      text: ({ scores }: ReEvaluation) => fixed(scores[name], digits),
    })),
    { title: "tokens", text: (r) => String(r.tokens) },
  ];
}
