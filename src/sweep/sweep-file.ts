/** `sweep.json`: all that a worker needs to train a sweep's runs, also on another machine and without the YAML file. */
import { existsSync, readFileSync } from "node:fs";
import { resolve as absolute } from "node:path";
import { resolve } from "../config/resolve.ts";
import type { RunConfig } from "../config/schema.ts";
import { isPlainObject } from "../config/selection.ts";
import { UserError } from "../lib/errors.ts";
import { writeFileAtomic } from "../lib/fs-atomic.ts";
import { sweepFiles } from "../runs/paths.ts";
import type { Run, Sweep } from "./expand.ts";
import { identities } from "./identity.ts";
import { isListed } from "./listing.ts";
import { withCommonFactors } from "./union.ts";

const SCHEMA = 2;

export interface SweepFile {
  readonly schema: typeof SCHEMA;
  readonly name: string;
  readonly description?: string;
  /** The YAML file it came from. */
  readonly file: string;
  /** Absolute: relative paths of `data:` start here. */
  readonly base_dir: string;
  /** The swept keys. */
  readonly factors: readonly string[];
  readonly runs: readonly Run[];
}

/**
 * Writes the list of runs. Those that it had and this sweep has not stay on it, after its own, once they were started: a part
 * of a sweep, or another config of the same name, takes no run away. Returns the names of the others, which are dropped.
 */
export async function writeSweepFile(dir: string, sweep: Sweep): Promise<readonly string[]> {
  const { duplicates: _, overridden: _lines, baseDir, file, runs, ...rest } = sweep;
  const files = sweepFiles(dir);
  const before = existsSync(files.sweep) ? runsOf(files.sweep) : [];
  const [names, ids] = [new Set(runs.map(({ name }) => name)), new Set(runs.map(({ id }) => id))];
  const others = before.filter(({ name, id }) => !names.has(name) && !ids.has(id));
  const kept = others.filter(({ name }) => existsSync(files.run(name)));
  const listed = kept.length === 0 ? runs : withCommonFactors([...runs, ...kept], rest.factors);
  const content: SweepFile = {
    schema: SCHEMA,
    ...rest,
    file: absolute(file),
    base_dir: absolute(baseDir),
    runs: listed,
  };
  await writeFileAtomic(files.sweep, `${JSON.stringify(content, null, 2)}\n`);
  return before.filter((run) => !names.has(run.name) && !kept.includes(run)).map(({ name }) => name);
}

/** Throws a UserError where there is none, or one of another version. */
export function readSweepFile(dir: string): SweepFile {
  const path = sweepFiles(dir).sweep;
  if (!existsSync(path))
    throw new UserError(`${dir}: no sweep here (no sweep.json); hnorm sweep FILE makes one`);
  const read = parsed(path);
  if (read?.schema === SCHEMA) {
    const { base_dir, runs } = read;
    if (typeof base_dir === "string" && Array.isArray(runs) && runs.every(isListed)) return read as SweepFile;
    throw new UserError(`${path}: damaged; rerun hnorm sweep on its config, finished runs are kept`);
  }
  throw new UserError(
    `${path}: written by another version of hnorm (expected schema ${SCHEMA}); rerun hnorm sweep on its config, finished runs are kept`,
  );
}

/**
 * Throws a UserError where a run is not what its id says: its config would be trained under a name that means another one.
 */
export function requireIdentities(dir: string, runs: readonly Run[]): void {
  const identityOf = identities();
  for (const { name, id, config } of runs) {
    const { issues, config: resolved } = resolve(config as unknown as Parameters<typeof resolve>[0]);
    if (issues.length === 0 && identityOf(resolved as RunConfig) === id) continue;
    throw new UserError(
      `${sweepFiles(dir).sweep}: damaged: the config of run ${name} is not the one of its id; rerun hnorm sweep on the sweep's config`,
    );
  }
}

function runsOf(path: string): readonly Run[] {
  const runs: unknown = parsed(path)?.runs;
  return Array.isArray(runs) ? runs.filter(isListed) : [];
}

function parsed(path: string): Partial<SweepFile> | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isPlainObject(content) ? (content as Partial<SweepFile>) : undefined;
  } catch {
    return undefined;
  }
}
