/**
 * Tokenized corpora on disk, so that the runs of a sweep tokenize once. One folder per (source contents,
 * tokenizer): headerless little-endian ids per split, the borders of the validation split's documents and the bytes
 * of their texts (uint32 each), and a manifest with the hashes of all. The folder appears
 * whole or not at all, and what does not match its manifest is thrown away and made again.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { EnvironmentError } from "../lib/errors.ts";
import { writeFileSynced, writeFolderAtomic } from "../lib/fs-atomic.ts";
import { sha256 } from "../lib/hash.ts";
import type { Encoder } from "./encode/encoder.ts";
import { overlapCounter } from "./overlap.ts";
import type { DataContext, DocumentSource, Split } from "./source.ts";
import { type Tokens, tokensOf } from "./token-sequence.ts";
import { type DocumentFacts, type TokenizedSplit, tokenize } from "./tokenize.ts";
import type { Tokenizer } from "./tokenizer.ts";

const splitSchema = z.strictObject({
  tokens: z.int(),
  documents: z.int(),
  empty_documents: z.int(),
  skipped_lines: z.int().default(0),
  utf8_bytes: z.int(),
  sha256: z.string(),
});
const manifestSchema = z.strictObject({
  format: z.literal("hnorm-tokens/2"),
  source: z.string(),
  tokenizer: z.string(),
  vocab_size: z.int(),
  eos: z.int(),
  train: splitSchema,
  validation: splitSchema,
  validation_documents: z.string(),
  validation_in_training: z.int().min(0),
});
type Manifest = z.infer<typeof manifestSchema>;

export interface TokenizedCorpus {
  /** Validation documents that stand in the training split too. */
  readonly validationInTraining: number;
  readonly splits: Readonly<Record<Split, TokenizedSplit>>;
  /** sha256 over the source's identity, the tokenizer's fingerprint and both splits' ids. */
  readonly fingerprint: string;
}

/** The corpus as ids: read from the cache where it is there and sound, else made and kept. */
export async function tokenizedCorpus(
  source: DocumentSource,
  tokenizer: Tokenizer,
  openEncoder: (source: DocumentSource) => Encoder,
  ctx: DataContext,
): Promise<TokenizedCorpus> {
  const key = sha256("hnorm-tokens/2\n", source.identity, "\n", tokenizer.fingerprint);
  const folder = join(ctx.cacheDir, "tokens", key.slice(0, 32));
  return (await read(folder, ctx)) ?? (await make(folder, source, tokenizer, openEncoder, ctx));
}

async function make(
  folder: string,
  source: DocumentSource,
  tokenizer: Tokenizer,
  openEncoder: (source: DocumentSource) => Encoder,
  ctx: DataContext,
): Promise<TokenizedCorpus> {
  const cannotWrite = (error: Error): never => {
    throw new EnvironmentError(`cannot write the token cache ${folder}: ${error.message}`);
  };
  await mkdir(join(ctx.cacheDir, "tokens"), { recursive: true }).catch(cannotWrite); // before minutes of work, not after
  const encoder = openEncoder(source);
  const overlap = overlapCounter();
  const split = (name: Split) => tokenize(source, name, tokenizer, encoder, ctx.onProgress, overlap[name]);
  let splits: TokenizedCorpus["splits"];
  try {
    const validation = await split("validation"); // first, so that training documents can be held against it
    splits = { train: await split("train"), validation };
  } finally {
    await encoder.close();
  }
  const manifest: Manifest = {
    format: "hnorm-tokens/2",
    source: source.identity,
    tokenizer: tokenizer.fingerprint,
    vocab_size: tokenizer.vocabSize,
    eos: tokenizer.eos,
    train: entry(splits.train),
    validation: entry(splits.validation),
    validation_documents: sha256(...documentBytes(splits.validation)),
    validation_in_training: overlap.contained(),
  };
  await writeFolderAtomic(folder, async (inside) => {
    for (const split of ["train", "validation"] as const)
      await writeFileSynced(join(inside, `${split}.bin`), bytesOf(splits[split].tokens));
    await writeFileSynced(join(inside, DOCUMENTS), documentBytes(splits.validation));
    await writeFileSynced(join(inside, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  }).catch(cannotWrite);
  const { validation_in_training: validationInTraining } = manifest;
  return { splits, validationInTraining, fingerprint: fingerprintOf(manifest) };
}

/** The folder's contents, or undefined: because it is not there, or because it is damaged, and then it is removed. */
async function read(folder: string, ctx: DataContext): Promise<TokenizedCorpus | undefined> {
  const text = await readFile(join(folder, "manifest.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const manifest = manifestSchema.parse(JSON.parse(text));
    const splits = {
      train: await readSplit(join(folder, "train.bin"), manifest.vocab_size, manifest.train),
      validation: {
        ...(await readSplit(join(folder, "validation.bin"), manifest.vocab_size, manifest.validation)),
        each: await readDocuments(join(folder, DOCUMENTS), manifest),
      },
    };
    const { validation_in_training: validationInTraining } = manifest;
    return { splits, validationInTraining, fingerprint: fingerprintOf(manifest) };
  } catch (error) {
    ctx.onProgress?.(`the token cache ${folder} is corrupt (${(error as Error).message}); tokenizing again`);
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
}

async function readSplit(path: string, vocabSize: number, facts: Manifest[Split]): Promise<TokenizedSplit> {
  const tokens = tokensOf(vocabSize, facts.tokens);
  const bytes = bytesOf(tokens);
  const hash = createHash("sha256");
  const file = await open(path, "r");
  try {
    if ((await file.stat()).size !== bytes.length) throw new Error(`${path} has the wrong size`);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, 1 << 24));
      hash.update(bytes.subarray(at, at + bytesRead));
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  if (hash.digest("hex") !== facts.sha256) throw new Error(`${path} does not match its checksum`);
  return {
    tokens,
    documents: facts.documents,
    emptyDocuments: facts.empty_documents,
    skippedLines: facts.skipped_lines,
    utf8Bytes: facts.utf8_bytes,
  };
}

const DOCUMENTS = "validation.documents.bin";

/** The lengths, then the bytes. */
const documentBytes = ({ each }: TokenizedSplit): readonly Uint8Array[] =>
  each === undefined ? [] : [each.lengths, each.bytes].map(bytesOf);

async function readDocuments(path: string, manifest: Manifest): Promise<DocumentFacts> {
  const bytes = await readFile(path);
  const n = manifest.validation.documents;
  if (bytes.length !== 8 * n || sha256(bytes) !== manifest.validation_documents)
    throw new Error(`${path} does not match its checksum`);
  const numbers = new Uint32Array(new Uint8Array(bytes).buffer);
  return { lengths: numbers.slice(0, n), bytes: numbers.slice(n) };
}

function entry(split: TokenizedSplit): Manifest[Split] {
  return {
    tokens: split.tokens.length,
    documents: split.documents,
    empty_documents: split.emptyDocuments,
    skipped_lines: split.skippedLines,
    utf8_bytes: split.utf8Bytes,
    sha256: sha256(bytesOf(split.tokens)),
  };
}

function fingerprintOf({ source, tokenizer, train, validation }: Manifest): string {
  return sha256([source, tokenizer, train.sha256, validation.sha256].join("\n"));
}

function bytesOf(tokens: Tokens): Uint8Array {
  return new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}
