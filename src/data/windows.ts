/**
 * Windows over one long row of tokens (documents joined, each closed by its end token): T + 1 ids with stride
 * T, so that every token but the first is predicted once and none twice. Training takes the windows in a new
 * order every epoch; validation takes the first of them as they lie.
 */
import { UserError } from "../lib/errors.ts";
import { type BatchStream, batchStream, hashWindows, type ValidationSet, windowsWithin } from "./batches.ts";
import { permutation } from "./permutation.ts";
import { countTokens, type TokenSequence } from "./token-sequence.ts";

/** Whole windows in a row of `tokens`: n windows of stride T need n T + 1 ids. */
export function windowCount(tokens: number, seqLen: number): number {
  return Math.max(0, Math.floor((tokens - 1) / seqLen));
}

/** Sample s is window P(s mod n) of the n windows, P being the permutation of epoch floor(s / n). */
export function trainWindows(tokens: TokenSequence, seqLen: number, seed: number): BatchStream {
  const n = atLeastOneWindow("training", tokens, seqLen);
  let epoch = -1;
  let order = (index: number): number => index;
  return batchStream(seqLen, n, (sample, out, at) => {
    if (Math.floor(sample / n) !== epoch) {
      epoch = Math.floor(sample / n);
      order = permutation(n, seed, epoch);
    }
    const start = order(sample % n) * seqLen;
    tokens.read(start, seqLen + 1, out, at);
  });
}

export interface ValidationFacts {
  /** UTF-8 bytes each id stands for. */
  readonly byteLengths: ArrayLike<number>;
  /** Nats each id costs under the training split's frequencies. */
  readonly unigramNats: ArrayLike<number>;
  readonly maxTokens?: number | undefined;
  /** Bytes of the whole split's text. A tokenizer that changes text has ids of more or fewer: they are scaled to it. */
  readonly splitBytes?: number | undefined;
}

/** The first windows of the validation split, in document order. */
export function validationWindows(
  tokens: TokenSequence,
  seqLen: number,
  facts: ValidationFacts,
): ValidationSet {
  const available = atLeastOneWindow("validation", tokens, seqLen);
  const windows = windowsWithin(facts.maxTokens ?? Number.POSITIVE_INFINITY, seqLen, available);
  const window = (i: number): Int32Array => {
    const ids = new Int32Array(seqLen + 1);
    tokens.read(i * seqLen, seqLen + 1, ids, 0);
    return ids;
  };
  let utf8Bytes = 0;
  let nats = 0;
  for (let i = 0; i < windows; i++) {
    for (const id of window(i).subarray(1)) {
      utf8Bytes += facts.byteLengths[id]!;
      nats += facts.unigramNats[id]!;
    }
  }
  const { splitBytes } = facts;
  const scale = splitBytes === undefined ? 1 : splitBytes / bytesOf(tokens, facts.byteLengths);
  const bytes = Math.round(utf8Bytes * scale);
  return {
    seqLen,
    windows,
    window,
    tokens: windows * seqLen,
    utf8Bytes: bytes,
    bytesOf: (id) => facts.byteLengths[id]! * scale,
    sha256: hashWindows(windows, window),
    unigramBitsPerByte: nats / Math.LN2 / bytes,
  };
}

/** UTF-8 bytes of all ids of a row, as they are spelled. */
export function bytesOf(tokens: TokenSequence, byteLengths: ArrayLike<number>): number {
  return countTokens(tokens, byteLengths.length).reduce(
    (sum, count, id) => sum + count * byteLengths[id]!,
    0,
  );
}

/**
 * -ln of each id's share of the training tokens, with half a count added to every id (Krichevsky & Trofimov
 * 1981) so that an id the training split never shows has a finite price.
 */
export function unigramNats(counts: ArrayLike<number>): Float64Array {
  const raised = Float64Array.from(counts, (count) => count + 0.5);
  const total = raised.reduce((sum, count) => sum + count, 0);
  return raised.map((count) => -Math.log(count / total));
}

function atLeastOneWindow(split: string, tokens: TokenSequence, seqLen: number): number {
  const n = windowCount(tokens.length, seqLen);
  if (n > 0) return n;
  throw new UserError(
    `data: the ${split} split holds ${tokens.length} tokens, fewer than the ${seqLen + 1} of one window (seq_len + 1). ` +
      "Give it more text or lower seq_len.",
  );
}
