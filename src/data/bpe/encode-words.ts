/** Text to ids by a byte-level BPE: cut into words, and each word's ids looked up or worked out. */
import type { MergeWord } from "./merges.ts";
import type { WordPattern } from "./split-words.ts";

/** Words that are remembered with their ids. Most of a text is a few thousand words. */
const REMEMBERED = 1 << 17;
/** UTF-16 units of a word worth remembering. */
const SHORT = 32;

/** Appends the ids of a text to `out`. */
export type EncodeWords = (text: string, out: number[]) => void;

/** `whole`: ids of words that are tokens as they are, in spite of the rules; some files ask for that. */
export function wordEncoder(
  words: WordPattern,
  merge: MergeWord,
  whole?: (bytes: Buffer) => number | undefined,
): EncodeWords {
  let known = new Map<string, number | readonly number[]>();
  const work = (word: string): number | readonly number[] => {
    const bytes = Buffer.from(word, "utf8");
    const id = whole?.(bytes);
    if (id !== undefined) return id;
    const ids: number[] = [];
    merge(bytes, ids);
    return ids.length === 1 ? ids[0]! : ids;
  };
  return (text, out) => {
    words.lastIndex = 0;
    let from = 0;
    while (words.test(text)) {
      const word = text.slice(from, words.lastIndex); // the pattern leaves nothing out
      from = words.lastIndex;
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
    }
  };
}

/** A slice of so many units keeps the whole text it was cut from in memory; its characters written anew do not. */
const SLICED = 13;
const copied = (word: string): string =>
  word.length < SLICED ? word : Buffer.from(word, "utf16le").toString("utf16le");
