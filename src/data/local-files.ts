/** Turns the file patterns of a `data:` section into files, and says precisely when they give none. */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { EnvironmentError, UserError } from "../lib/errors.ts";
import { nearest } from "../lib/suggest.ts";
import { findFiles } from "./glob.ts";
import type { DataContext, Split } from "./source.ts";

/** Where there is nothing to train on, as for another validation set, `train` may be left out. */
export interface SplitPatterns {
  readonly train?: string | undefined;
  readonly validation: string;
}

export type SplitFiles = Readonly<Record<Split, readonly string[]>>;

/** The files of both splits, at least one each, none in both: a text must not be trained on and judged by. */
export function splitFiles(patterns: SplitPatterns, ctx: DataContext): SplitFiles {
  const train = patterns.train === undefined ? [] : matchingFiles("train", patterns.train, ctx);
  const validation = matchingFiles("validation", patterns.validation, ctx);
  requireDisjoint(patterns, train.map(fileIdentity), validation.map(fileIdentity));
  return { train, validation };
}

export interface FileIdentity {
  /** Equal where two files are one. */
  readonly id: string;
  readonly path: string;
}

export function requireDisjoint(
  patterns: SplitPatterns,
  train: readonly FileIdentity[],
  validation: readonly FileIdentity[],
): void {
  const judged = new Map(validation.map(({ id, path }) => [id, path]));
  const shared = train.find(({ id }) => judged.has(id));
  if (shared === undefined) return;
  const other = judged.get(shared.id)!;
  throw new UserError(
    `data.source: ${other === shared.path ? shared.path : `${shared.path}, the same file as ${other},`} matches both train "${patterns.train}" and validation "${patterns.validation}"; the splits must not overlap`,
  );
}

/** Equal for all names of one file: links, hard ones too, and folders that are linked. */
export function fileIdentity(path: string): FileIdentity {
  const { dev, ino } = statSync(path, { bigint: true });
  return { id: `${dev}:${ino}`, path };
}

/** Relative patterns are looked up beside the YAML file first, then in the data folder. */
export function matchingFiles(split: Split, pattern: string, ctx: DataContext): readonly string[] {
  const folders = isAbsolute(pattern)
    ? ["/"]
    : [ctx.baseDir, ...(ctx.dataDir === undefined ? [] : [ctx.dataDir])];
  for (const folder of folders) {
    const files = findFiles(pattern, folder);
    if (files.length > 0) return files;
  }
  const searched = isAbsolute(pattern) ? "" : ` in ${folders.map((f) => resolve(f)).join(" nor in ")}`;
  const hint =
    isAbsolute(pattern) || ctx.dataDir !== undefined ? "" : "; HNORM_DATA_DIR can name a second folder";
  throw new EnvironmentError(
    `data.source.${split}: no file matches "${pattern}"${searched}${didYouMean(pattern, folders)}${hint}`,
  );
}

/** For a plain path: the nearest name in the folder it would lie in. */
function didYouMean(pattern: string, folders: readonly string[]): string {
  for (const folder of folders) {
    const path = isAbsolute(pattern) ? pattern : join(folder, pattern);
    const near = nearest(basename(path), namesIn(dirname(path)));
    if (near !== undefined) return `; did you mean ${near}?`;
  }
  return "";
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
