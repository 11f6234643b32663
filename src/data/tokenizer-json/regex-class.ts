/** Classes and single characters of an Oniguruma expression, written for the inside of a JavaScript class. */
import { ONIGURUMA_WORD, WHITE_SPACE } from "./characters.ts";

type Refuse = (what: string) => never;

const SHORTHANDS: Readonly<Record<string, string>> = {
  s: WHITE_SPACE,
  S: `[^${WHITE_SPACE}]`,
  w: ONIGURUMA_WORD,
  W: `[^${ONIGURUMA_WORD}]`,
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  h: "0-9A-Fa-f",
  H: "[^0-9A-Fa-f]",
};
const CONTROLS: Readonly<Record<string, string>> = {
  t: "\t",
  n: "\n",
  r: "\r",
  f: "\f",
  v: "\v",
  a: "\x07",
  e: "\x1b",
};

/** A character that both write as itself, in a form that is one in any place. */
const plain = (char: string): string => `\\u{${char.codePointAt(0)!.toString(16)}}`;

/** What stands after a backslash at `at`: a class, or one character. */
export function escapedClass(
  chars: readonly string[],
  at: number,
  refuse: Refuse,
): { readonly source: string; readonly end: number; readonly literal?: string } {
  const char = chars[at] ?? refuse("a backslash at its end");
  if (Object.hasOwn(SHORTHANDS, char)) return { source: SHORTHANDS[char]!, end: at + 1 };
  if (Object.hasOwn(CONTROLS, char)) return single(CONTROLS[char]!, at + 1);
  const rest = chars.slice(at, at + 40).join("");
  if (char === "p" || char === "P") return property(rest, at, refuse);
  const code = /^(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|x\{([0-9A-Fa-f]{1,6})\})/.exec(rest);
  if (code !== null) {
    const [whole, two, four, any] = code;
    const point = Number.parseInt(two ?? four ?? any!, 16);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000) || (two !== undefined && point > 0x7f))
      refuse(`\\${whole}`);
    return single(String.fromCodePoint(point), at + whole.length);
  }
  if (/[0-9A-Za-z]/.test(char) || char.codePointAt(0)! > 127) refuse(`\\${char}`);
  return single(char, at + 1);
}

const single = (literal: string, end: number) => ({ source: plain(literal), end, literal });

function property(rest: string, at: number, refuse: Refuse) {
  const [whole = "", letter, not, name = ""] = /^([pP])\{(\^?)(\w+)\}/.exec(rest) ?? [];
  if (whole === "") refuse("a \\p without a name in braces");
  const written = [name, `Script=${name}`].find(isProperty) ?? refuse(`\\${whole}`);
  const negated = (letter === "P") !== (not === "^");
  return { source: `\\${negated ? "P" : "p"}{${written}}`, end: at + whole.length };
}

/** General categories and scripts mean the same in both; names such as Alnum or Punct do not exist here. */
function isProperty(name: string): boolean {
  if (!/^(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfnso]?|Script=\w+)$/.test(name))
    return false;
  try {
    new RegExp(`\\p{${name}}`, "v");
    return true;
  } catch {
    return false;
  }
}

/** The class that begins after its bracket at `at`. */
export function classAt(
  chars: readonly string[],
  at: number,
  ignoreCase: boolean,
  refuse: Refuse,
): { readonly source: string; readonly end: number } {
  let i = at;
  const negated = chars[i] === "^";
  if (negated) i++;
  let source = "";
  const item = (): { readonly source: string; readonly literal?: string } => {
    const char = chars[i] ?? refuse("a class that is not closed");
    if (char === "[") {
      if (chars[i + 1] === ":") refuse("a POSIX class");
      const inner = classAt(chars, i + 1, ignoreCase, refuse);
      i = inner.end;
      return { source: inner.source };
    }
    if (char === "&" && chars[i + 1] === "&") refuse("an intersection (&&)");
    if (char === "\\") {
      if (chars[i + 1] === "b") refuse("\\b in a class");
      const escaped = escapedClass(chars, i + 1, refuse);
      i = escaped.end;
      return escaped;
    }
    i++;
    return { source: plain(char), literal: char };
  };
  if (chars[i] === "]") refuse("a class that is empty or begins with a bracket");
  while (chars[i] !== "]") {
    const first = item();
    const dash = chars[i] === "-" && chars[i + 1] !== "]";
    if (dash && first.literal === undefined) refuse("a range that begins with a class");
    if (!dash) {
      if (ignoreCase && first.literal === undefined) refuse("a class within (?i:...)");
      source += first.literal === undefined ? nested(first.source) : cases(first.literal, ignoreCase, refuse);
      continue;
    }
    i++;
    const last = item();
    if (last.literal === undefined) refuse("a range that ends with a class");
    if (ignoreCase) refuse("a range within (?i:...)");
    if (first.literal!.codePointAt(0)! > last.literal!.codePointAt(0)!) refuse("a range that runs backwards");
    source += `${first.source}-${last.source}`;
  }
  return { source: `[${negated ? "^" : ""}${source}]`, end: i + 1 };
}

/** `a-b` and `[...]` stand in a class as they are. */
const nested = (source: string): string => (source.startsWith("[") ? source : `[${source}]`);

/** A character outside a class. `next` is the one that follows in the expression. */
export function literal(char: string, ignoreCase: boolean, next: string | undefined, refuse: Refuse): string {
  if (!ignoreCase) return plain(char);
  // Oniguruma folds these pairs to one character, such as the sharp s.
  if (/^(?:s[st]|f[fil]|i\u0307|[hwy][\u0300-\u036f]|a\u02be|t\u0308|j\u030c)$/i.test(`${char}${next ?? ""}`))
    refuse(`"${char}${next}" within (?i:...)`);
  return `[${cases(char, true, refuse)}]`;
}

/** Simple case folding of ASCII: the only others that fold to it are the long s and the Kelvin sign. */
function cases(char: string, ignoreCase: boolean, refuse: Refuse): string {
  if (!ignoreCase) return plain(char);
  if (char.codePointAt(0)! > 127) refuse(`"${char}" within (?i:...)`);
  const folded = new Set([char.toLowerCase(), char.toUpperCase()]);
  if (folded.has("s")) folded.add("\u017f");
  if (folded.has("k")) folded.add("\u212a");
  return [...folded].map(plain).join("");
}
