/** A corpus ready to train on: opened, tokenized, fingerprinted. What other rooms call. */
import { availableParallelism } from "node:os";
import { EnvironmentError, UserError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { type BatchStream, batchStream, hashWindows, type ValidationSet, windowsWithin } from "./batches.ts";
import { localEncoder } from "./encode/encoder.ts";
import { encoderPool } from "./encode/pool.ts";
import { requireHeldOut } from "./overlap.ts";
import { preparedCorpus } from "./prepared-corpus.ts";
import type { DataSpec, TokenizerSpec } from "./schema.ts";
import type { CorpusSource, DataContext, DocumentSource, Split, TokenSource } from "./source.ts";
import { sources } from "./sources/index.ts";
import { tokenizedCorpus } from "./token-cache.ts";
import { countTokens, inMemory } from "./token-sequence.ts";
import { placesOf, type Tokenizer } from "./tokenizer.ts";
import { loadTokenizer } from "./tokenizers/index.ts";
import { documentsIn, type ValidationDocuments } from "./validation-documents.ts";
import { trainWindows, unigramNats, validationWindows } from "./windows.ts";

export interface Corpus {
  readonly vocabSize: number;
  /** Equal only where every batch and every validation window is equal too, whatever the machine. */
  readonly fingerprint: string;
  describe(): CorpusDescription;
  /** Windows of `seqLen` inputs in an order that `seed` fixes, epoch after epoch. */
  train(seqLen: number, seed: number): BatchStream;
  /** The same windows for every run: the first that fit into `maxTokens` predicted tokens, or all. */
  validation(seqLen: number, maxTokens?: number): ValidationSet;
  /** The validation split again, document by document; absent where there are none. */
  readonly validationDocuments?: ValidationDocuments;
}

/** Plain data for provenance and the log. null stands for "without end": a source that makes tokens as asked. */
export interface CorpusDescription {
  readonly source: string;
  readonly tokenizer: string | null;
  readonly fingerprint: string;
  readonly documents: Readonly<Record<Split, number>> | null;
  /** Documents without text, which are left out. */
  readonly emptyDocuments: number;
  /** Lines of the files that hold no document, which only some sources may skip. */
  readonly skippedLines: number;
  /** Validation documents that stand in the training split word for word; null where nobody looked. */
  readonly validationInTraining: number | null;
  readonly trainTokens: number | null;
  readonly validationTokens: number | null;
  readonly utf8Bytes: Readonly<Record<Split, number>> | null;
}

/**
 * Opens what the `data:` section names. Never another corpus in its place: what cannot be had is an error. `rows`: of the
 * model's embedding; a UserError, before anything is tokenized, where the corpus has more token ids.
 */
export async function openCorpus(spec: DataSpec, ctx: DataContext, rows = Infinity): Promise<Corpus> {
  const { name, ...params } = spec.source;
  const opened = await (sources[name] as CorpusSource).open(params, ctx);
  if (opened.yields === "documents") {
    if (spec.tokenizer === undefined) throw new Error(`the source ${name} needs a tokenizer`);
    const tokenizer = await loadTokenizer(spec.tokenizer, ctx);
    requireRows(tokenizer.vocabSize, rows);
    return tokenized(opened, tokenizer, spec.tokenizer, ctx);
  }
  const corpus =
    opened.yields === "tokens"
      ? synthetic(opened)
      : await preparedCorpus(opened, spec.tokenizer, ctx, (message) => ctx.onProgress?.(message));
  requireRows(corpus.vocabSize, rows);
  return corpus;
}

function requireRows(vocabSize: number, rows: number): void {
  if (vocabSize > rows)
    throw new UserError(
      `model.vocab_size: got ${rows}, but the corpus has ${vocabSize} token ids; give at least that many`,
    );
}

/** Why `openCorpus` would find no files, as far as that can be seen at once and without reading any; undefined: it may. */
export function filesMissing(
  { source: { name, ...params } }: DataSpec,
  ctx: DataContext,
): string | undefined {
  try {
    (sources[name] as CorpusSource).requireFiles?.(params, ctx);
    return undefined;
  } catch (error) {
    if (error instanceof UserError || error instanceof EnvironmentError) return error.message;
    throw error;
  }
}

/** Below so much text threads take longer to start than they save. */
const THREADS_FROM_BYTES = 4e6;

async function tokenized(
  source: DocumentSource,
  tokenizer: Tokenizer,
  spec: TokenizerSpec,
  ctx: DataContext,
): Promise<Corpus> {
  const workers = ctx.workers ?? availableParallelism();
  const openEncoder = () =>
    source.inputBytes("train") < THREADS_FROM_BYTES || workers === 0
      ? localEncoder(tokenizer)
      : encoderPool({ tokenizer: spec, places: placesOf(ctx) }, workers);
  const made = await tokenizedCorpus(source, tokenizer, openEncoder, ctx);
  const { splits, validationInTraining, fingerprint } = made;
  const { train, validation } = splits;
  requireHeldOut(validationInTraining, validation.documents, (message) => ctx.onProgress?.(message));
  const rows = { train: inMemory(train.tokens), validation: inMemory(validation.tokens) };
  let unigram: Float64Array | undefined;
  return {
    vocabSize: tokenizer.vocabSize,
    fingerprint,
    describe: () => ({
      source: source.label,
      tokenizer: tokenizer.name,
      fingerprint,
      documents: { train: train.documents, validation: validation.documents },
      emptyDocuments: train.emptyDocuments + validation.emptyDocuments,
      skippedLines: train.skippedLines + validation.skippedLines,
      validationInTraining,
      trainTokens: train.tokens.length,
      validationTokens: validation.tokens.length,
      utf8Bytes: { train: train.utf8Bytes, validation: validation.utf8Bytes },
    }),
    train: (seqLen, seed) => trainWindows(rows.train, seqLen, seed),
    validation(seqLen, maxTokens) {
      unigram ??= unigramNats(countTokens(rows.train, tokenizer.vocabSize));
      const splitBytes = validation.utf8Bytes;
      const facts = { byteLengths: tokenizer.byteLengths, unigramNats: unigram, maxTokens, splitBytes };
      return validationWindows(rows.validation, seqLen, facts);
    },
    validationDocuments: documentsIn({
      tokens: rows.validation,
      eos: tokenizer.eos,
      byteLengths: tokenizer.byteLengths,
      lengths: () => validation.each!.lengths,
      textBytes: validation.each!.bytes,
    }),
  };
}

/** Every window is a sequence of its own; training never sees one twice. */
function synthetic(source: TokenSource): Corpus {
  const fingerprint = sha256(source.identity);
  return {
    vocabSize: source.vocabSize,
    fingerprint,
    describe: () => ({
      source: source.label,
      tokenizer: null,
      fingerprint,
      documents: null,
      emptyDocuments: 0,
      skippedLines: 0,
      validationInTraining: null,
      trainTokens: null,
      validationTokens: null,
      utf8Bytes: null,
    }),
    train: (seqLen, seed) =>
      batchStream(seqLen, Number.POSITIVE_INFINITY, (sample, out, at) => {
        out.set(source.sequence(seed, "train", sample, seqLen + 1), at);
      }),
    validation: (seqLen, maxTokens) => syntheticValidation(source, seqLen, maxTokens),
  };
}

function syntheticValidation(source: TokenSource, seqLen: number, maxTokens?: number): ValidationSet {
  const available = maxTokens === undefined ? source.validationSequences : Number.POSITIVE_INFINITY;
  const windows = windowsWithin(maxTokens ?? Number.POSITIVE_INFINITY, seqLen, available);
  const window = (i: number) => source.sequence(source.validationSeed, "validation", i, seqLen + 1);
  let optimal = 0;
  for (let i = 0; i < windows; i++) optimal += source.optimalNats(window(i));
  const tokens = windows * seqLen;
  return {
    seqLen,
    windows,
    window,
    tokens,
    utf8Bytes: tokens,
    bytesOf: () => 1,
    sha256: hashWindows(windows, window),
    unigramBitsPerByte: source.unigramNats / Math.LN2,
    optimalLoss: optimal / tokens,
  };
}
