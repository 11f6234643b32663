/**
 * The regular expressions by which byte-level BPEs cut text into words before they encode it, known by the text that
 * stands in tokenizer.json. That text is Oniguruma's; here it is written for JavaScript. The difference that matters:
 * a blank (\s) there is Unicode's White_Space, so U+0085 is one and U+FEFF is none; and (?i:s) takes U+017F for an s.
 */
import { WHITE_SPACE as S } from "../tokenizer-json/characters.ts";

const GPT2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${S}\\p{L}\\p{N}]+|[${S}]+(?![^${S}])|[${S}]+`;

/** OpenAI's cl100k and its descendants, which differ in how many digits make a word. */
const cl100k = (digits: string): string =>
  `'(?:[sS\\u017f]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}` +
  `| ?[^${S}\\p{L}\\p{N}]+[\\r\\n]*|[${S}]*[\\r\\n]+|[${S}]+(?![^${S}])|[${S}]+`;

const cl100kWritten = (digits: string): string =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** As it stands in a tokenizer's file -> the same for JavaScript. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ["'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", GPT2],
  [cl100kWritten("{1,3}"), cl100k("{1,3}")],
  [cl100kWritten(""), cl100k("")],
]);

/** Finds words: every character of a text is in exactly one. */
export type WordPattern = RegExp;

export const gpt2Words = (): WordPattern => new RegExp(GPT2, "gu");

/** The pattern of a `Split` in a tokenizer's file, or undefined where it is none of those known here. */
export function knownWords(written: string): WordPattern | undefined {
  const source = KNOWN.get(written);
  return source === undefined ? undefined : new RegExp(source, "gu");
}
