/**
 * The runs a word means: a run's folder, a name within a sweep (`runs/quick/mix`, where the start of a name will do; all
 * seeds of an arm have one), a sweep's folder, or a config file. Nothing is written.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { resolve as resolveConfig } from "../../config/resolve.ts";
import type { RunConfig } from "../../config/schema.ts";
import { isPlainObject } from "../../config/selection.ts";
import { UserError } from "../../lib/errors.ts";
import { nearest } from "../../lib/suggest.ts";
import { runFiles } from "../../runs/paths.ts";
import { groupByArm } from "../../sweep/arm-pattern.ts";
import { loadSweep, type Run } from "../../sweep/expand.ts";
import { identities } from "../../sweep/identity.ts";
import { isSweep, readJson, readListing } from "../../sweep/listing.ts";
import type { ComparedRun } from "./compare-runs.ts";

/** A run that was found; `recordedId` where it bears another id than its config has by this version's rules. */
export interface FoundRun extends ComparedRun {
  readonly recordedId?: string;
}

/** What a word means besides, and where it is looked up. */
export interface FindOptions {
  /** For a config file: `key=value` words. */
  readonly overrides: readonly string[];
  /** The folder of all sweeps. */
  readonly runsDir: string;
  /** A sweep whose runs may be called by their names alone. */
  readonly near?: string | undefined;
}

export interface Found {
  readonly runs: readonly FoundRun[];
  /** The folder of the sweep that they are of. */
  readonly sweep?: string;
  /** They were called by a name, and differ in their seeds alone. */
  readonly oneArm?: true;
}

export function findRuns(word: string, { overrides, runsDir, near }: FindOptions): Found {
  if (existsSync(word) && statSync(word).isFile()) {
    const runs = loadSweep(word, overrides).runs;
    return { runs: runs.map(({ name, ...run }) => ({ ...run, name: `${word}: ${name}` })) };
  }
  const folder = [word, join(runsDir, word)].find((dir) => existsSync(runFiles(dir).config) || isSweep(dir));
  if (folder !== undefined && !isSweep(folder)) return { runs: [runIn(folder)], sweep: dirname(folder) };
  if (folder !== undefined) return { runs: listed(folder, readListing(folder).runs), sweep: folder };

  const homes = [dirname(word), join(runsDir, dirname(word)), ...(near === undefined ? [] : [near])];
  const sweep = homes.find(isSweep);
  if (sweep === undefined) throw new UserError(`${word}: ${nothingThere(word)}`);
  const { runs } = readListing(sweep);
  return { runs: listed(sweep, matchingArm(runs, basename(word), sweep)), sweep, oneArm: true };
}

/** Runs of one arm: whose name it is, with or without the id and the seed, or whose names or ids alone begin so. */
function matchingArm(runs: readonly Run[], word: string, sweep: string): readonly Run[] {
  const withoutId = ({ name, id }: Run) => name.slice(0, name.lastIndexOf(`-${id.slice(0, 8)}`));
  const ways: readonly ((run: Run) => boolean)[] = [
    ({ name }) => name === word,
    (run) => withoutId(run) === word,
    (run) => withoutId(run).replace(/-seed\d+$/, "") === word,
    ({ name, id }) => name.startsWith(word) || id.startsWith(word),
  ];
  for (const fits of ways) {
    const found = runs.filter(fits);
    const arms = groupByArm(found).length;
    if (arms === 1) return found;
    if (arms > 1) {
      const names = found.slice(0, 5).map(({ name }) => name);
      const more = found.length > 5 ? `, and ${found.length - 5} more` : "";
      throw new UserError(`${join(sweep, word)}: ${found.length} runs match: ${names.join(", ")}${more}`);
    }
  }
  const near = nearest(
    word,
    runs.flatMap((run) => [run.name, withoutId(run)]),
  );
  const hint = near === undefined ? `hnorm status ${sweep} lists them` : `did you mean ${near}?`;
  throw new UserError(`${join(sweep, word)}: no such run in this sweep; ${hint}`);
}

/** A run that may never have been started: its config is the one that the sweep lists, unless its folder has one. */
function listed(sweep: string, runs: readonly Run[]): readonly FoundRun[] {
  const identityOf = identities();
  return runs.map((run) => {
    const dir = join(sweep, run.name);
    if (existsSync(runFiles(dir).config)) return runIn(dir, identityOf);
    const config = current(run.config, join(sweep, "sweep.json"));
    return subject(dir, config, run.id, identityOf(config));
  });
}

function runIn(dir: string, identityOf = identities()): FoundRun {
  const files = runFiles(dir);
  const spec = readJson(files.config);
  if (!isPlainObject(spec) || !isPlainObject(spec.config))
    throw new UserError(`${files.config}: not a valid run config`);
  const config = current(spec.config, files.config);
  const provenance = existsSync(files.provenance) ? { provenance: readJson(files.provenance) } : {};
  return { ...subject(dir, config, spec.id, identityOf(config)), ...provenance };
}

const subject = (name: string, config: RunConfig, recorded: unknown, id: string): FoundRun => ({
  name,
  config,
  id,
  ...(typeof recorded === "string" && recorded !== id ? { recordedId: recorded } : {}),
});

/** A config that was written down, with the fields that have come since. */
function current(written: unknown, path: string): RunConfig {
  const { config, issues } = resolveConfig(written as Readonly<Record<string, unknown>>);
  if (issues.length === 0) return config as RunConfig;
  const lines = issues.map(({ path: at, message }) => `${path}: ${at.join(".")}: ${message}`);
  throw new UserError([...lines, "it was written by another version of hnorm"].join("\n"));
}

/** What is wrong with a path, and what was perhaps meant: a neighbour of the first part of it that is not there. */
function nothingThere(word: string): string {
  const parent = dirname(word);
  if (!existsSync(parent)) return nothingThere(parent);
  if (existsSync(word)) return "neither a sweep's folder, nor a run's, nor a config file";
  const near = statSync(parent).isDirectory() ? nearest(basename(word), readdirSync(parent)) : undefined;
  return `no such config, run or sweep${near === undefined ? "" : `; did you mean ${join(parent, near)}?`}`;
}
