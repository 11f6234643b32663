/** Tokens that a text is searched for before anything else is done to it: the leftmost, and of those the longest. */

export interface AddedToken {
  readonly content: string;
  readonly id: number;
}

/** Calls `text` for the stretches between added tokens, and `token` for those, from left to right. */
export type CutTokens = (
  text: string,
  on: { readonly text: (piece: string) => void; readonly token: (id: number) => void },
) => void;

export function tokenCutter(tokens: readonly AddedToken[]): CutTokens {
  if (tokens.length === 0) return (text, on) => on.text(text);
  const ids = new Map(tokens.map(({ content, id }) => [content, id]));
  const longestFirst = [...ids.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(literal).join("|"), "g");
  // Most texts hold none. Every token holds one of these, and looking for a plain string is fast.
  const marks = longestFirst.filter((a) => !longestFirst.some((b) => b !== a && a.includes(b)));
  return (text, on) => {
    let from = 0;
    if (marks.some((mark) => text.includes(mark))) {
      for (const match of text.matchAll(pattern)) {
        if (match.index > from) on.text(text.slice(from, match.index));
        on.token(ids.get(match[0])!);
        from = match.index + match[0].length;
      }
    }
    if (from < text.length) on.text(from === 0 ? text : text.slice(from));
  };
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
