/** `sweep.json`: all that a worker needs to train a sweep's runs, also on another machine and without the YAML file. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../lib/errors.ts";
import { writeFileAtomic } from "../lib/fs-atomic.ts";
import { sweepFiles } from "../runs/paths.ts";
import type { Run, Sweep } from "./expand.ts";

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

/** Replaces the list of runs; returns the names that were on it and no more are. Their folders stay as they are. */
export async function writeSweepFile(dir: string, sweep: Sweep): Promise<readonly string[]> {
  const { duplicates: _, baseDir, file, runs, ...rest } = sweep;
  const content: SweepFile = {
    ...{ schema: SCHEMA, ...rest },
    ...{ file: resolve(file), base_dir: resolve(baseDir), runs },
  };
  const path = sweepFiles(dir).sweep;
  const before = existsSync(path) ? runsOf(path) : [];
  await writeFileAtomic(path, `${JSON.stringify(content, null, 2)}\n`);
  const now = new Set(runs.map(({ name }) => name));
  return before.filter((name) => !now.has(name));
}

/** Throws a UserError where there is none, or one of another version. */
export function readSweepFile(dir: string): SweepFile {
  const path = sweepFiles(dir).sweep;
  if (!existsSync(path))
    throw new UserError(`${dir}: no sweep here (no sweep.json); hnorm sweep FILE makes one`);
  const read = parsed(path);
  if (read?.schema === SCHEMA) return read as SweepFile;
  throw new UserError(
    `${path}: written by another version of hnorm (expected schema ${SCHEMA}); rerun hnorm sweep on its config, finished runs are kept`,
  );
}

const runsOf = (path: string): readonly string[] => (parsed(path)?.runs ?? []).map(({ name }) => name);

function parsed(path: string): Partial<SweepFile> | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Partial<SweepFile>;
  } catch {
    return undefined;
  }
}
