/** The documents of a validation split, one by one, out of the row of ids in which each is closed by its end token. */
import type { TokenSequence } from "./token-sequence.ts";

export interface ValidationDocuments {
  readonly eos: number;
  /** UTF-8 bytes each id stands for. */
  readonly byteLengths: ArrayLike<number>;
  /** The ids of every document, in order and without the end token: all of them, or the first `limit`. */
  first(limit: number): Iterable<Int32Array>;
}

/** Ids read at once. */
const PIECE = 1 << 16;

export const documentsIn = (
  tokens: TokenSequence,
  eos: number,
  byteLengths: ArrayLike<number>,
): ValidationDocuments => ({
  eos,
  byteLengths,
  *first(limit) {
    const piece = new Int32Array(Math.min(PIECE, tokens.length));
    let ids: number[] = [];
    for (let start = 0; start < tokens.length; start += piece.length) {
      const n = Math.min(piece.length, tokens.length - start);
      tokens.read(start, n, piece, 0);
      for (let i = 0; i < n; i++) {
        if (piece[i] === eos) {
          yield Int32Array.from(ids);
          ids = [];
        } else if (ids.length < limit) ids.push(piece[i]!);
      }
    }
    if (ids.length > 0) yield Int32Array.from(ids); // a row that others made may end within a document
  },
});
