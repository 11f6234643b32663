/**
 * `manifest.json` of a folder of shards: what the ids are, where they come from and what they must hash to. It is
 * written last: a folder without one is not finished.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { EnvironmentError } from "../../lib/errors.ts";
import { sha256 } from "../../lib/hash.ts";
import type { Split } from "../source.ts";

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const contents = z.strictObject({ bytes: count, sha256: hash });

/** A pair of files: `FILE.bin` and `FILE.idx`. */
const shard = z.strictObject({
  file: z.string().regex(/^[\w.-]+$/),
  tokens: count,
  documents: count,
  bin: contents,
  idx: contents,
});
export type ShardFacts = Readonly<z.output<typeof shard>>;

/** A source file and what it became. `sha256` is null where only its beginning was read. */
const sourceEntry = z.strictObject({
  name: z.string(),
  bytes: count,
  stamp: z.string(),
  sha256: hash.nullable(),
  documents: count,
  empty_documents: count,
  skipped_lines: count,
  utf8_bytes: count,
  tokens: count,
  shards: z.array(shard),
});
export type SourceEntry = Readonly<z.output<typeof sourceEntry>>;

/** How ids are made of text: what parts that belong into one folder share. */
const recipe = z.strictObject({
  format: z.literal("hnorm-shards/1"),
  dtype: z.enum(["uint16", "int32"]),
  tokenizer: z.strictObject({
    name: z.string(),
    fingerprint: z.string(),
    vocab_size: count,
    eos: count,
    pad: count.nullable(),
  }),
  eos_placement: z.literal("end of every document"),
  split_rule: z.string(),
  /** Where a split is only the first documents of its files: how many at most. */
  max_documents: count.nullable(),
  shard_tokens: count,
});
export type Recipe = Readonly<z.output<typeof recipe>>;

/** What is kept of every finished source file until the manifest is there. */
export const ledgerSchema = z.strictObject({ recipe: z.string(), entry: sourceEntry });

const manifestSchema = recipe.extend({
  fingerprint: hash,
  tool: z.string(),
  vocabulary: contents,
  /** Validation documents that stand in the training split too, id by id; absent: nobody looked. */
  validation_in_training: count.optional(),
  train: z.array(sourceEntry),
  validation: z.array(sourceEntry),
});
export type Manifest = Readonly<z.output<typeof manifestSchema>>;

export const MANIFEST = "manifest.json";

export const recipeHash = (of: Recipe): string => sha256(JSON.stringify(recipe.strip().parse(of)));

/** Equal only where every id of both splits is: what corpora of prepared shards are known by. */
export function fingerprintOf({ tokenizer, train, validation }: Omit<Manifest, "fingerprint">): string {
  const hashes = (entries: readonly SourceEntry[]) =>
    entries.flatMap(({ shards }) => shards.map(({ bin }) => bin.sha256));
  return sha256(
    ["hnorm-shards/1", tokenizer.fingerprint, ...hashes(train), "|", ...hashes(validation)].join("\n"),
  );
}

export const jsonText = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** The folder's manifest, or undefined where there is none; an EnvironmentError where it is damaged. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, MANIFEST);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw new EnvironmentError(`${path}: cannot be read: ${error.message}`);
  });
  if (text === undefined) return undefined;
  try {
    const manifest = manifestSchema.parse(JSON.parse(text));
    if (fingerprintOf(manifest) !== manifest.fingerprint)
      throw new Error("its fingerprint does not match its shards");
    return manifest;
  } catch (error) {
    const why =
      error instanceof z.ZodError ? z.prettifyError(error).split("\n").join("; ") : (error as Error).message;
    throw new EnvironmentError(`${path}: damaged (${why}). Prepare the folder again.`);
  }
}

/** Sums over the sources of a split. */
export function totals(entries: readonly SourceEntry[]) {
  const sum = (of: (entry: SourceEntry) => number) => entries.reduce((n, entry) => n + of(entry), 0);
  return {
    tokens: sum((e) => e.tokens),
    documents: sum((e) => e.documents),
    emptyDocuments: sum((e) => e.empty_documents),
    skippedLines: sum((e) => e.skipped_lines),
    utf8Bytes: sum((e) => e.utf8_bytes),
  };
}

export const shardsOf = (manifest: Manifest, split: Split): readonly ShardFacts[] =>
  manifest[split].flatMap(({ shards }) => shards);
