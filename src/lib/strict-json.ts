/** JSON as `JSON.parse` reads it, without what that lets pass in silence: a key that an object has twice. */

/** A string of the text, or a mark of its structure. Strings come first, so that no mark inside one counts. */
const PIECES = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/gs;

/** Throws a SyntaxError where the text is no JSON, and where an object has a key twice; it names the key. */
export function strictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const open: Set<string>[] = [];
  for (const [piece, colon] of text.matchAll(PIECES)) {
    if (piece === "{" || piece === "[") open.push(new Set());
    else if (piece === "}" || piece === "]") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(piece.slice(0, -colon.length)) as string;
      if (open.at(-1)!.has(key)) throw new SyntaxError(`the key ${JSON.stringify(key)} is given twice`);
      open.at(-1)!.add(key);
    }
  }
  return value;
}

/** The text with every number that is not written as a plain whole one, such as 2.0, 1e3 or -0, replaced by null. */
export const wholeNumbersOnly = (text: string): string =>
  text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs, (piece) =>
    piece.startsWith('"') || /^\d+$/.test(piece) ? piece : "null",
  );
