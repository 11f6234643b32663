/**
 * Tokens that a text is searched for before anything else is done to it: the leftmost, and of those the longest. As
 * AddedVocabulary of the Hugging Face tokenizers library finds them, with what each asks of its neighbours.
 */
import { RUST_WORD, WHITE_SPACE } from "./characters.ts";

export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Found only where no letter or digit touches it. */
  readonly singleWord?: boolean;
  /** Takes the blanks before or behind it along. */
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  /** Is found, and then left as text. */
  readonly asText?: boolean;
}

/** Calls `text` for the stretches between added tokens, and `token` for those, from left to right. */
export type CutTokens = (
  text: string,
  on: {
    /** `first`: the stretch begins where the text does. */
    readonly text: (piece: string, first: boolean) => void;
    readonly token: (id: number) => void;
  },
) => void;

const WORD_BEFORE = new RegExp(`[${RUST_WORD}]$`, "u");
const WORD_BEHIND = new RegExp(`^[${RUST_WORD}]`, "u");
const BLANKS = new RegExp(`[${WHITE_SPACE}]`, "u");

export function tokenCutter(tokens: readonly AddedToken[]): CutTokens {
  if (tokens.length === 0) return (text, on) => on.text(text, true);
  const known = new Map(tokens.map((token) => [token.content, token]));
  const longestFirst = [...known.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(literal).join("|"), "g");
  // Most texts hold none. Every token holds one of these, and looking for a plain string is fast.
  const marks = longestFirst.filter((a) => !longestFirst.some((b) => b !== a && a.includes(b)));
  return (text, on) => {
    let from = 0;
    if (marks.some((mark) => text.includes(mark))) {
      for (const match of text.matchAll(pattern)) {
        const token = known.get(match[0])!;
        let [start, end] = [match.index, match.index + match[0].length];
        if (token.asText === true || (token.singleWord === true && touchesWord(text, start, end))) continue;
        // One that was taken along by rstrip is found nevertheless, as in the library.
        if (token.lstrip === true) {
          while (start > 0 && BLANKS.test(text[start - 1]!)) start--;
          start = Math.max(start, from);
        }
        if (token.rstrip === true) while (end < text.length && BLANKS.test(text[end]!)) end++;
        if (start > from) on.text(text.slice(from, start), from === 0);
        if (end > start) on.token(token.id);
        from = end;
      }
    }
    if (from < text.length) on.text(from === 0 ? text : text.slice(from), from === 0);
  };
}

/** A neighbour may be a pair of surrogates. */
const touchesWord = (text: string, start: number, end: number): boolean =>
  WORD_BEFORE.test(text.slice(Math.max(0, start - 2), start)) || WORD_BEHIND.test(text.slice(end, end + 2));

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
