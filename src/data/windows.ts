/**
 * Windows over one long row of tokens (documents joined, each closed by its end token): T + 1 ids with stride
 * T, so that every token but the first is predicted once and none twice. Training takes the windows in a new
 * order every epoch; validation takes the first of them as they lie.
 */
import { UserError } from "../lib/errors.ts";
import { type BatchStream, batchStream, hashWindows, type ValidationSet, windowsWithin } from "./batches.ts";
import { permutation } from "./permutation.ts";

/** Ids in the narrowest type that holds them: half the memory for every vocabulary up to 65,536. */
export type Tokens = Uint16Array | Uint32Array;

/** Whole windows in a row of `tokens`: n windows of stride T need n T + 1 ids. */
export function windowCount(tokens: number, seqLen: number): number {
  return Math.max(0, Math.floor((tokens - 1) / seqLen));
}

/** Sample s is window P(s mod n) of the n windows, P being the permutation of epoch floor(s / n). */
export function trainWindows(tokens: Tokens, seqLen: number, seed: number): BatchStream {
  const n = atLeastOneWindow("training", tokens, seqLen);
  let epoch = -1;
  let order = (index: number): number => index;
  return batchStream(seqLen, n, (sample, out, at) => {
    if (Math.floor(sample / n) !== epoch) {
      epoch = Math.floor(sample / n);
      order = permutation(n, seed, epoch);
    }
    const start = order(sample % n) * seqLen;
    out.set(tokens.subarray(start, start + seqLen + 1), at);
  });
}

export interface ValidationFacts {
  /** UTF-8 bytes each id stands for. */
  readonly byteLengths: ArrayLike<number>;
  /** Nats each id costs under the training split's frequencies. */
  readonly unigramNats: ArrayLike<number>;
  readonly maxTokens?: number | undefined;
}

/** The first windows of the validation split, in document order. */
export function validationWindows(tokens: Tokens, seqLen: number, facts: ValidationFacts): ValidationSet {
  const available = atLeastOneWindow("validation", tokens, seqLen);
  const windows = windowsWithin(facts.maxTokens ?? Number.POSITIVE_INFINITY, seqLen, available);
  const window = (i: number): Int32Array =>
    Int32Array.from(tokens.subarray(i * seqLen, (i + 1) * seqLen + 1));
  let utf8Bytes = 0;
  let nats = 0;
  for (const id of tokens.subarray(1, windows * seqLen + 1)) {
    utf8Bytes += facts.byteLengths[id]!;
    nats += facts.unigramNats[id]!;
  }
  return {
    seqLen,
    windows,
    window,
    tokens: windows * seqLen,
    utf8Bytes,
    sha256: hashWindows(windows, window),
    unigramBitsPerByte: nats / Math.LN2 / utf8Bytes,
  };
}

/**
 * -ln of each id's share of the training tokens, with half a count added to every id (Krichevsky & Trofimov
 * 1981) so that an id the training split never shows has a finite price.
 */
export function unigramNats(train: Tokens, vocabSize: number): Float64Array {
  const counts = new Float64Array(vocabSize).fill(0.5);
  for (let i = 0; i < train.length; i++) counts[train[i]!]! += 1; // a quarter of the time that for-of takes
  const total = train.length + vocabSize / 2;
  return counts.map((count) => -Math.log(count / total));
}

function atLeastOneWindow(split: string, tokens: Tokens, seqLen: number): number {
  const n = windowCount(tokens.length, seqLen);
  if (n > 0) return n;
  throw new UserError(
    `data: the ${split} split holds ${tokens.length} tokens, fewer than the ${seqLen + 1} of one window (seq_len + 1). ` +
      "Give it more text or lower seq_len.",
  );
}
