/** How many documents of one row of ids stand in another too, id by id: whether a validation split is held out. */
import { overlapCounter } from "../overlap.ts";
import type { TokenSequence } from "../token-sequence.ts";

export interface RowDocuments {
  readonly tokens: TokenSequence;
  /** Ids of every document, in order, in as many pieces as there are. */
  readonly lengths: Iterable<ArrayLike<number>>;
}

/** Reads both rows once, document by document. */
export function containedDocuments(train: RowDocuments, validation: RowDocuments): number {
  const counter = overlapCounter();
  eachDocument(validation, counter.validation);
  eachDocument(train, counter.train);
  return counter.contained();
}

function eachDocument({ tokens, lengths }: RowDocuments, take: (ids: Uint8Array) => void): void {
  let start = 0;
  for (const piece of lengths) {
    for (let i = 0; i < piece.length; i++) {
      const ids = new Int32Array(piece[i]!);
      tokens.read(start, ids.length, ids, 0);
      start += ids.length;
      if (ids.length > 1) take(new Uint8Array(ids.buffer)); // one id is the end token alone
    }
  }
}
