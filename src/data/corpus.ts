/** A corpus ready to train on: opened, tokenized, fingerprinted. What other rooms call. */
import { sha256 } from "../lib/hash.ts";
import { type BatchStream, batchStream, hashWindows, type ValidationSet, windowsWithin } from "./batches.ts";
import type { DataSpec } from "./schema.ts";
import type { CorpusSource, DataContext, DocumentSource, Split, TokenSource } from "./source.ts";
import { sources } from "./sources/index.ts";
import { tokenizedCorpus } from "./token-cache.ts";
import type { Tokenizer, TokenizerKind } from "./tokenizer.ts";
import { tokenizers } from "./tokenizers/index.ts";
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
}

/** Plain data for provenance and the log. null stands for "without end": a source that makes tokens as asked. */
export interface CorpusDescription {
  readonly source: string;
  readonly tokenizer: string | null;
  readonly fingerprint: string;
  readonly documents: Readonly<Record<Split, number>> | null;
  /** Documents without text, which are left out. */
  readonly emptyDocuments: number;
  readonly trainTokens: number | null;
  readonly validationTokens: number | null;
  readonly utf8Bytes: Readonly<Record<Split, number>> | null;
}

/** Opens what the `data:` section names. Never another corpus in its place: what cannot be had is an error. */
export async function openCorpus(spec: DataSpec, ctx: DataContext): Promise<Corpus> {
  const { name, ...params } = spec.source;
  const opened = await (sources[name] as CorpusSource).open(params, ctx);
  if (opened.yields === "tokens") return synthetic(opened);
  if (spec.tokenizer === undefined) throw new Error(`the source ${name} needs a tokenizer`);
  const { name: tokenizerName, ...tokenizerParams } = spec.tokenizer;
  const tokenizer = await (tokenizers[tokenizerName] as TokenizerKind).load(tokenizerParams);
  return tokenized(opened, tokenizer, ctx);
}

async function tokenized(source: DocumentSource, tokenizer: Tokenizer, ctx: DataContext): Promise<Corpus> {
  const { splits, fingerprint } = await tokenizedCorpus(source, tokenizer, ctx);
  const { train, validation } = splits;
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
      trainTokens: train.tokens.length,
      validationTokens: validation.tokens.length,
      utf8Bytes: { train: train.utf8Bytes, validation: validation.utf8Bytes },
    }),
    train: (seqLen, seed) => trainWindows(train.tokens, seqLen, seed),
    validation(seqLen, maxTokens) {
      unigram ??= unigramNats(train.tokens, tokenizer.vocabSize);
      const facts = { byteLengths: tokenizer.byteLengths, unigramNats: unigram, maxTokens };
      return validationWindows(validation.tokens, seqLen, facts);
    },
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
    sha256: hashWindows(windows, window),
    unigramBitsPerByte: source.unigramNats / Math.LN2,
    optimalLoss: optimal / tokens,
  };
}
