/** Turns the file patterns of a `data:` section into files, and says precisely when they give none. */
import { readdirSync } from "node:fs";
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
  requireDisjoint(patterns, train, validation);
  return { train, validation };
}

export function requireDisjoint(
  patterns: SplitPatterns,
  train: readonly string[],
  validation: readonly string[],
): void {
  const shared = train.find((file) => validation.includes(file));
  if (shared === undefined) return;
  throw new UserError(
    `data.source: ${shared} matches both train "${patterns.train}" and validation "${patterns.validation}"; the splits must not overlap`,
  );
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
