/** Texts to ids in batches: in this thread here, in others in pool.ts. Both give the same ids. */

import { type Tokens, tokensOf } from "../token-sequence.ts";
import type { Tokenizer } from "../tokenizer.ts";

/** The ids of some documents one after another, each closed by the end token. */
export interface EncodedBatch {
  readonly ids: Tokens;
  /** Ids of each document, its end token included. */
  readonly lengths: Uint32Array;
}

export interface Encoder {
  /** Batches that may be under way at once. */
  readonly slots: number;
  encode(texts: readonly string[]): Promise<EncodedBatch>;
  close(): Promise<void>;
}

export function localEncoder(tokenizer: Tokenizer): Encoder {
  return {
    slots: 1,
    encode: async (texts) => encodeBatch(tokenizer, texts),
    close: async () => {},
  };
}

export function encodeBatch(tokenizer: Tokenizer, texts: readonly string[]): EncodedBatch {
  const documents = texts.map((text) => tokenizer.encode(text));
  const lengths = Uint32Array.from(documents, (ids) => ids.length + 1);
  const ids = tokensOf(
    tokenizer.vocabSize,
    lengths.reduce((sum, n) => sum + n, 0),
  );
  let at = 0;
  for (const document of documents) {
    ids.set(document, at);
    at += document.length;
    ids[at++] = tokenizer.eos;
  }
  return { ids, lengths };
}
