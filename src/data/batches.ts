/**
 * What the trainer and the evaluator see of a corpus: an endless stream of training samples, and a fixed set
 * of validation windows. Neither knows of documents or files. A window is T + 1 ids: T inputs and, shifted by
 * one, T targets.
 */
import { createHash } from "node:crypto";

export interface BatchStream {
  /** T: inputs per sample. */
  readonly seqLen: number;
  /** Samples in one pass over the corpus; Infinity for a source that never repeats. */
  readonly epochSamples: number;
  /** Samples k size .. k size + size - 1 as [size, T + 1] ids. The samples, not the batches, are what is numbered. */
  batch(k: number, size: number): Int32Array;
}

export interface ValidationSet {
  /** T: inputs per window. */
  readonly seqLen: number;
  readonly windows: number;
  /** The ids of window i, T + 1 of them. */
  window(i: number): Int32Array;
  /** Predicted tokens: windows T. */
  readonly tokens: number;
  /**
   * UTF-8 bytes of the text of exactly the predicted tokens; end-of-document counts none. Bits per byte is
   * (total nats) / ln 2 / utf8Bytes. A synthetic symbol counts as one byte, so there it is bits per symbol.
   */
  readonly utf8Bytes: number;
  /** Bytes that an id's text counts of that sum: fractions of one where a tokenizer changes text. */
  readonly bytesOf: (id: number) => number;
  /** Of all windows' ids, as little-endian int32. */
  readonly sha256: string;
  /** Bits per byte of the training split's token frequencies: what stays above has learned nothing else. */
  readonly unigramBitsPerByte: number;
  /** Nats per token of the best possible predictor, where the source knows it. */
  readonly optimalLoss?: number;
}

/** A stream of the samples that `write` puts at an offset of a batch. `write` must be pure in its first argument. */
export function batchStream(
  seqLen: number,
  epochSamples: number,
  write: (sample: number, out: Int32Array, at: number) => void,
): BatchStream {
  return {
    seqLen,
    epochSamples,
    batch(k, size) {
      const ids = new Int32Array(size * (seqLen + 1));
      for (let i = 0; i < size; i++) write(k * size + i, ids, i * (seqLen + 1));
      return ids;
    },
  };
}

/** sha256, in hex, of windows 0 .. count - 1. */
export function hashWindows(count: number, window: (i: number) => Int32Array): string {
  const hash = createHash("sha256");
  for (let i = 0; i < count; i++) {
    const ids = window(i);
    hash.update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  }
  return hash.digest("hex");
}

/** How many whole windows of `seqLen` targets the first `maxTokens` targets give: at least one, at most `available`. */
export function windowsWithin(maxTokens: number, seqLen: number, available: number): number {
  return Math.min(Math.max(1, Math.floor(maxTokens / seqLen)), available);
}
