/** One long row of token ids, wherever it lies: documents joined, each closed by its end token. */

/** Ids in the narrowest type that holds them: half the memory for every vocabulary up to 65,536. */
export type Tokens = Uint16Array | Uint32Array;

export interface TokenSequence {
  readonly length: number;
  /** Copies ids start .. start + count - 1 to `out` from `at` on. */
  read(start: number, count: number, out: Int32Array, at: number): void;
}

export const inMemory = (tokens: Tokens): TokenSequence => ({
  length: tokens.length,
  read: (start, count, out, at) => out.set(tokens.subarray(start, start + count), at),
});

export function tokensOf(vocabSize: number, length: number): Tokens {
  return vocabSize <= 2 ** 16 ? new Uint16Array(length) : new Uint32Array(length);
}

/** How often each id occurs in the row; an id outside the vocabulary is refused by its position. */
export function countTokens(tokens: TokenSequence, vocabSize: number): Float64Array {
  const counts = new Float64Array(vocabSize);
  const piece = new Int32Array(1 << 16);
  for (let start = 0; start < tokens.length; start += piece.length) {
    const n = Math.min(piece.length, tokens.length - start);
    tokens.read(start, n, piece, 0);
    for (let i = 0; i < n; i++) {
      const id = piece[i]!;
      if (id < 0 || id >= vocabSize)
        throw new RangeError(`token ${start + i} is ${id}, not below ${vocabSize}`);
      counts[id]! += 1;
    }
  }
  return counts;
}
