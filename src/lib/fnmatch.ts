/**
 * Shell patterns over names, as Python's fnmatchcase reads them: `*` any text, dots included; `?` one character; `[abc]`,
 * `[a-z]` and `[!abc]` one of a set; all else stands for itself.
 */
export function fnmatch(pattern: string): (name: string) => boolean {
  const source = pattern.replace(SPECIAL, (whole, not, set: string | undefined) => {
    if (set !== undefined) return oneOf(set, not === "!");
    if (whole === "*") return ".*";
    return whole === "?" ? "." : `\\${whole}`;
  });
  const rule = new RegExp(`^${source}$`, "su");
  return (name) => rule.test(name);
}

/** A set, in which a leading `]` is one of it, or a character that a regular expression would take otherwise. */
const SPECIAL = /\[(!?)(\]?[^\]]*)\]|[*?\\^$.|+(){}[\]/]/g;

/** A set as a regular expression's; a range the wrong way round holds nothing. */
function oneOf(set: string, not: boolean): string {
  const parts = [...set.matchAll(/(.)-(.)|./gsu)].flatMap(([one, from, to]) => {
    if (from === undefined || to === undefined) return [escaped(one)];
    return from <= to ? [`${escaped(from)}-${escaped(to)}`] : [];
  });
  if (parts.length === 0) return not ? "." : "(?!)";
  return `[${not ? "^" : ""}${parts.join("")}]`;
}

const escaped = (character: string): string => (/[\\\]^[-]/.test(character) ? `\\${character}` : character);
