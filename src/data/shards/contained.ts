/** How many documents of one row of ids stand in another too, id by id: whether a validation split is held out. */
import { overlapCounter } from "../overlap.ts";
import type { TokenSequence } from "../token-sequence.ts";

export interface RowDocuments {
  readonly tokens: TokenSequence;
  /** Ids of every document, in order, in as many pieces as there are. */
  readonly lengths: Iterable<ArrayLike<number>>;
}

/** Reads the validation row once, and of the training row the documents of its lengths. */
export function containedDocuments(train: RowDocuments, validation: RowDocuments): number {
  const counter = overlapCounter();
  const held = new Set<number>(); // of other lengths no training document can be one of them, and none is read
  eachDocument(validation, counter.validation, (length) => held.add(length));
  eachDocument(train, counter.train, (length) => held.has(length));
  return counter.contained();
}

function eachDocument(
  { tokens, lengths }: RowDocuments,
  take: (ids: Uint8Array) => void,
  wanted: (length: number) => unknown,
): void {
  let start = 0;
  for (const piece of lengths) {
    for (let i = 0; i < piece.length; i++) {
      const length = piece[i]!;
      const [from, to] = [start, start + length];
      start = to;
      if (length < 2 || !wanted(length)) continue; // one id is the end token alone
      const ids = new Int32Array(length);
      tokens.read(from, length, ids, 0);
      take(new Uint8Array(ids.buffer));
    }
  }
}
