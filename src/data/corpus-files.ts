/** The files of a `data:` section's patterns, wherever they are: on this disk, or on the hub and fetched when read. */
import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { EnvironmentError } from "../lib/errors.ts";
import { rememberedHash } from "../lib/file-hash.ts";
import { checksums } from "./hub/checksums.ts";
import { openHubFiles } from "./hub/hub-files.ts";
import { hubFiles, isHubReference } from "./hub/reference.ts";
import {
  type FileIdentity,
  fileIdentity,
  matchingFiles,
  requireDisjoint,
  type SplitPatterns,
} from "./local-files.ts";
import { stampOf } from "./part-of-file.ts";
import type { DataContext, Split } from "./source.ts";

export interface CorpusFile {
  /** Without its folders: the same on every machine. */
  readonly name: string;
  readonly bytes: number;
  /** Of the whole contents, sha256 as a rule: reads a file that lies here, asks nobody for one on the hub. */
  checksum(): Promise<string>;
  /** sha256 that its contents must have, where that is known before they are read. */
  readonly expected?: string | undefined;
  /** Changes with the contents, but costs no reading of them all. */
  stamp(): Promise<string>;
  /** A path to read it from. With `documents`, so many from its beginning may do. */
  local(documents?: number): Promise<string>;
  /** Whether `local(documents)` may give a beginning only, which no checksum vouches for. */
  readonly cuttable: boolean;
}

/** The files of both splits, at least one each, none in both: a text must not be trained on and judged by. */
export async function corpusFiles(
  patterns: SplitPatterns,
  ctx: DataContext,
): Promise<Readonly<Record<Split, readonly CorpusFile[]>>> {
  const train = patterns.train === undefined ? [] : await filesOf("train", patterns.train, ctx);
  const validation = await filesOf("validation", patterns.validation, ctx);
  requireDisjoint(patterns, train, validation);
  return { train, validation };
}

/** Throws where a pattern of this disk matches nothing. What is on the hub is not looked for. */
export function requireLocalFiles({ train, validation }: SplitPatterns, ctx: DataContext): void {
  for (const [split, pattern] of Object.entries({ train, validation }))
    if (pattern !== undefined && !isHubReference(pattern)) matchingFiles(split as Split, pattern, ctx);
}

/** What is wrong with a pattern, before anything is looked for. */
export const patternError = (pattern: string): string | undefined => {
  const found = isHubReference(pattern) ? hubFiles(pattern) : [];
  return typeof found === "string" ? found : undefined;
};

interface FoundFile extends CorpusFile, FileIdentity {}

async function filesOf(split: Split, pattern: string, ctx: DataContext): Promise<readonly FoundFile[]> {
  if (!isHubReference(pattern))
    return matchingFiles(split, pattern, ctx).map((path) => localFile(path, ctx.cacheDir));
  const files = await openHubFiles(`data.source.${split}`, pattern, ctx);
  return files.map(({ checksum, ...file }) => ({
    ...file,
    id: file.reference,
    path: file.reference,
    checksum: async () => checksum,
    expected: checksum.length === 64 ? checksum : undefined,
    stamp: async () => checksum,
    cuttable: true,
  }));
}

const localFile = (path: string, cacheDir: string): FoundFile => ({
  ...fileIdentity(path),
  name: basename(path),
  bytes: statSync(path).size,
  checksum: () =>
    rememberedHash(path, join(cacheDir, "hashes")).catch((error: Error) => {
      throw new EnvironmentError(`${path}: cannot be read: ${error.message}`);
    }),
  // C4's other variants have files of the same names, in folders called otherwise.
  expected: checksums("allenai/c4").get(`${basename(dirname(path))}/${basename(path)}`)?.sha256,
  stamp: () => stampOf(path),
  local: async () => path,
  cuttable: false,
});
