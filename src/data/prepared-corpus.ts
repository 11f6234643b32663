/** A corpus of ids that were prepared before: rows on disk, and a vocabulary that says what the ids mean. */
import { EnvironmentError, UserError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import type { Corpus } from "./corpus.ts";
import { requireHeldOut } from "./overlap.ts";
import type { TokenizerSpec } from "./schema.ts";
import { vocabularyFrom } from "./shards/vocabulary-file.ts";
import type { PreparedSource, Vocabulary } from "./source.ts";
import { countTokens, type TokenSequence } from "./token-sequence.ts";
import type { FilePlaces, Tokenizer } from "./tokenizer.ts";
import { loadTokenizer } from "./tokenizers/index.ts";
import { documentsIn } from "./validation-documents.ts";
import { trainWindows, unigramNats, validationWindows } from "./windows.ts";

/** The tokenizer gives bare ids their meaning; beside ids that have one, it must be the tokenizer that made them. */
export async function preparedCorpus(
  source: PreparedSource,
  spec: TokenizerSpec | undefined,
  places: FilePlaces,
  tell: (message: string) => void,
): Promise<Corpus> {
  const tokenizer = spec === undefined ? undefined : await loadTokenizer(spec, places);
  const { validationInTraining } = source;
  const { train, validation } = source.splits;
  requireHeldOut(validationInTraining ?? 0, validation.documents, tell);
  const { vocabulary, trainCounts, fingerprint } = meaningOf(source, tokenizer);
  const bytesIn = (counts: ArrayLike<number>) =>
    vocabulary.byteLengths.reduce((n, l, id) => n + l * counts[id]!, 0);
  const countsOf = (tokens: TokenSequence) => counted(tokens, vocabulary);
  let unigram: Float64Array | undefined;
  return {
    vocabSize: vocabulary.size,
    fingerprint,
    describe: () => ({
      source: source.label,
      tokenizer: vocabulary.tokenizer,
      fingerprint,
      documents: { train: train.documents, validation: validation.documents },
      emptyDocuments: train.emptyDocuments + validation.emptyDocuments,
      skippedLines: train.skippedLines + validation.skippedLines,
      validationInTraining: validationInTraining ?? null,
      trainTokens: train.tokens.length,
      validationTokens: validation.tokens.length,
      utf8Bytes: {
        train: train.utf8Bytes ?? bytesIn(trainCounts),
        validation: validation.utf8Bytes ?? bytesIn(countsOf(validation.tokens)),
      },
    }),
    train: (seqLen, seed) => trainWindows(train.tokens, seqLen, seed),
    validation(seqLen, maxTokens) {
      unigram ??= unigramNats(trainCounts);
      const splitBytes = validation.utf8Bytes;
      const facts = { byteLengths: vocabulary.byteLengths, unigramNats: unigram, maxTokens, splitBytes };
      return validationWindows(validation.tokens, seqLen, facts);
    },
    validationDocuments: documentsIn({
      tokens: validation.tokens,
      eos: vocabulary.eos,
      byteLengths: vocabulary.byteLengths,
      lengths: validation.documentLengths,
      splitBytes: validation.utf8Bytes,
    }),
  };
}

interface Meaning {
  readonly vocabulary: Vocabulary;
  readonly trainCounts: ArrayLike<number>;
  readonly fingerprint: string;
}

function meaningOf(source: PreparedSource, tokenizer: Tokenizer | undefined): Meaning {
  const { meaning, fingerprint, label, splits } = source;
  if (meaning !== undefined) {
    if (tokenizer !== undefined) requireSame(meaning.vocabulary, tokenizer);
    return { ...meaning, fingerprint };
  }
  if (tokenizer === undefined)
    throw new UserError(
      `data.tokenizer: missing; ${label} are bare token ids, so name the tokenizer that made them`,
    );
  const vocabulary = vocabularyFrom(tokenizer);
  const trainCounts = counted(splits.train.tokens, vocabulary);
  return { vocabulary, trainCounts, fingerprint: sha256(`${fingerprint}\n${tokenizer.fingerprint}`) };
}

function requireSame(vocabulary: Vocabulary, tokenizer: Tokenizer): void {
  if (vocabulary.fingerprint === tokenizer.fingerprint) return;
  throw new UserError(
    `data.tokenizer: got ${tokenizer.name} (${tokenizer.vocabSize} ids), but the shards were made with ` +
      `${vocabulary.tokenizer} (${vocabulary.size} ids) or another version of it; leave the key out, or prepare them again`,
  );
}

function counted(tokens: TokenSequence, { size, tokenizer }: Vocabulary): Float64Array {
  try {
    return countTokens(tokens, size);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EnvironmentError(
      `data.source: ${error.message}, the size of ${tokenizer}: made with another tokenizer?`,
    );
  }
}
