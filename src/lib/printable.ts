/**
 * Text as a terminal, or a page, may show it: control characters (but for the ends of lines, and tabs) and those that turn
 * the direction of text, or hide, stand as `\uXXXX`. In JSON that is the same text.
 */
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

export const printable = (text: string): string => text.replace(UNPRINTABLE, escaped);

/** The same in one line without tabs: for a cell of a table, or a comment. */
export const printableLine = (text: string): string => printable(text).replace(/[\n\t]/g, escaped);

const escaped = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
