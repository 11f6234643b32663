/** Text to ids word by word: each word's ids are looked up or worked out. */
import type { WordPattern } from "./split-words.ts";

/** Words that are remembered with their ids. Most of a text is a few thousand words. */
const REMEMBERED = 1 << 17;
/** UTF-16 units of a word worth remembering. */
const SHORT = 32;

/** Appends the ids of a text, or of a word, to `out`. */
export type EncodeWords = (text: string, out: number[]) => void;

/** The same with a memory for short words. */
export function remembering(encode: EncodeWords): EncodeWords {
  let known = new Map<string, number | readonly number[]>();
  const work = (word: string): number | readonly number[] => {
    const ids: number[] = [];
    encode(word, ids);
    return ids.length === 1 ? ids[0]! : ids;
  };
  return (word, out) => {
    let ids = known.get(word);
    if (ids === undefined) {
      ids = work(word);
      if (word.length < SHORT) {
        if (known.size >= REMEMBERED) known = new Map();
        known.set(copied(word), ids);
      }
    }
    if (typeof ids === "number") out.push(ids);
    else for (const id of ids) out.push(id);
  };
}

/** Cuts a text by a pattern that leaves no character out, and encodes word by word. */
export function wordEncoder(words: WordPattern, encodeWord: EncodeWords): EncodeWords {
  const encode = remembering(encodeWord);
  return (text, out) => {
    words.lastIndex = 0;
    let from = 0;
    while (words.test(text)) {
      const word = text.slice(from, words.lastIndex);
      from = words.lastIndex;
      encode(word, out);
    }
  };
}

/** A slice of so many units keeps the whole text it was cut from in memory; its characters written anew do not. */
const SLICED = 13;
const copied = (word: string): string =>
  word.length < SLICED ? word : Buffer.from(word, "utf16le").toString("utf16le");
