/**
 * `vocabulary.json` beside the shards: the bytes of every id and how often it occurs in the training split. With it
 * the ids can be read, and bits per byte counted, without the tokenizer.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { EnvironmentError } from "../../lib/errors.ts";
import { sha256 } from "../../lib/hash.ts";
import type { Vocabulary } from "../source.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Manifest } from "./manifest.ts";

export const VOCABULARY = "vocabulary.json";

const schema = z.strictObject({ bytes: z.array(z.base64()), train_counts: z.array(z.int().min(0)) });

export function vocabularyText(tokenizer: Tokenizer, trainCounts: Float64Array): string {
  const bytes = Array.from({ length: tokenizer.vocabSize }, (_, id) =>
    Buffer.from(tokenizer.bytesOf(id)).toString("base64"),
  );
  return `${JSON.stringify({ bytes, train_counts: [...trainCounts] })}\n`;
}

export interface VocabularyFile {
  readonly vocabulary: Vocabulary;
  readonly trainCounts: readonly number[];
}

export async function readVocabulary(folder: string, manifest: Manifest): Promise<VocabularyFile> {
  const path = join(folder, VOCABULARY);
  const damaged = (why: string) =>
    new EnvironmentError(`${path}: damaged (${why}). Prepare the folder again.`);
  const text = await readFile(path).catch((error: Error) => {
    throw new EnvironmentError(`${path}: cannot be read: ${error.message}`);
  });
  if (sha256(text) !== manifest.vocabulary.sha256) throw damaged("checksum mismatch");
  const { bytes, train_counts: trainCounts } = schema.parse(JSON.parse(text.toString("utf8")));
  const { name, fingerprint, vocab_size: size, eos } = manifest.tokenizer;
  if (bytes.length !== size || trainCounts.length !== size) throw damaged(`not of ${size} ids`);
  return { vocabulary: vocabularyOf({ name, fingerprint, size, eos }, bytes), trainCounts };
}

function vocabularyOf(
  { name, fingerprint, size, eos }: { name: string; fingerprint: string; size: number; eos: number },
  base64: readonly string[],
): Vocabulary {
  const table = base64.map((text) => Buffer.from(text, "base64"));
  return {
    tokenizer: name,
    fingerprint,
    size,
    eos,
    bytesOf: (id) => table[id] ?? new Uint8Array(),
    byteLengths: Uint32Array.from(table, (bytes) => bytes.length),
  };
}

/** The same of a loaded tokenizer, for ids that came without such a file. */
export const vocabularyFrom = (tokenizer: Tokenizer): Vocabulary => ({
  tokenizer: tokenizer.name,
  fingerprint: tokenizer.fingerprint,
  size: tokenizer.vocabSize,
  eos: tokenizer.eos,
  bytesOf: (id) => tokenizer.bytesOf(id),
  byteLengths: tokenizer.byteLengths,
});
