/**
 * The documents of a validation split, one by one. Where one ends is known from the lengths that were written down when
 * the split was made, never from its ids: a text may come to the end token's id itself.
 */
import { EnvironmentError } from "../lib/errors.ts";
import type { TokenSequence } from "./token-sequence.ts";
import { bytesOf } from "./windows.ts";

export interface ValidationDocument {
  /** In order and without the end token: all of them, or the first that were asked for. */
  readonly ids: Int32Array;
  /** Bytes of text that an id of it counts: fractions of one where a tokenizer changes text. */
  readonly bytesOf: (id: number) => number;
}

export interface ValidationDocuments {
  readonly eos: number;
  /** Every document, or the first `limit` ids of each. */
  first(limit: number): Iterable<ValidationDocument>;
}

export interface DocumentRow {
  readonly tokens: TokenSequence;
  readonly eos: number;
  /** UTF-8 bytes each id is spelled with. */
  readonly byteLengths: ArrayLike<number>;
  /** Ids of every document, its end token included where it has one. */
  readonly lengths: () => ArrayLike<number>;
  /** UTF-8 bytes of each document's text, or at least of all together, where they were counted. */
  readonly textBytes?: ArrayLike<number> | undefined;
  readonly splitBytes?: number | undefined;
}

/** Throws an EnvironmentError where the lengths are not those of the row. */
export const documentsIn = ({ tokens, eos, byteLengths, ...row }: DocumentRow): ValidationDocuments => ({
  eos,
  *first(limit) {
    const lengths = row.lengths();
    let splitScale = 1;
    if (row.textBytes === undefined && row.splitBytes !== undefined)
      splitScale = ratio(row.splitBytes, bytesOf(tokens, byteLengths));
    let start = 0;
    for (let i = 0; i < lengths.length; i++) {
      const length = lengths[i]!;
      if (start + length > tokens.length)
        throw new EnvironmentError(`data: document ${i} ends at id ${start + length} of ${tokens.length}`);
      const textBytes = row.textBytes?.[i];
      const wanted = textBytes === undefined ? Math.min(length, limit + 1) : length;
      const all = new Int32Array(wanted);
      tokens.read(start, wanted, all, 0);
      start += length;
      const ids = wanted === length && all.at(-1) === eos ? all.subarray(0, -1) : all;
      const scale = textBytes === undefined ? splitScale : ratio(textBytes, spelled(ids, byteLengths));
      yield { ids: ids.slice(0, limit), bytesOf: (id) => byteLengths[id]! * scale };
    }
  },
});

function spelled(ids: Int32Array, byteLengths: ArrayLike<number>): number {
  let sum = 0;
  for (const id of ids) sum += byteLengths[id]!;
  return sum;
}

/** A row of ids that are spelled with no bytes at all counts none, whatever the scale. */
const ratio = (text: number, spelledBytes: number): number => (spelledBytes === 0 ? 1 : text / spelledBytes);
