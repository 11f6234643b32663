/** Cutting a text at the matches of a pattern, as the Hugging Face tokenizers library does (its Pattern and behaviors). */
import { translateRegex } from "./regex.ts";
import { shown, Unsupported } from "./unsupported.ts";

/** The places of all matches, from left to right. */
export type FindMatches = (text: string) => Iterable<readonly [start: number, end: number]>;

export const BEHAVIORS = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] as const;
export type Behavior = (typeof BEHAVIORS)[number];

/** `{String: ...}` or `{Regex: ...}`. `nonEmpty`: a pattern that may match no character is refused. */
export function patternOf(where: string, pattern: unknown, nonEmpty = false): FindMatches {
  const { Regex, String: plain, ...rest } = Object(pattern) as Record<string, unknown>;
  const one = (Regex === undefined) !== (plain === undefined) && Object.keys(rest).length === 0;
  if (one && typeof Regex === "string") {
    const { regex, nullable } = translateRegex(where, Regex);
    if (nonEmpty && nullable)
      throw new Unsupported(
        `${where}: got ${shown(pattern)}, which may match no character; supported: one that does`,
      );
    return matchesOf(regex);
  }
  if (one && typeof plain === "string" && (plain !== "" || !nonEmpty)) return occurrencesOf(plain);
  throw new Unsupported(`${where}: got ${shown(pattern)}; supported: {"String": ...} or {"Regex": ...}`);
}

/** An empty match counts, unless it stands where the match before it ended (the rule of the onig crate). */
export function matchesOf(regex: RegExp): FindMatches {
  return function* (text) {
    let from = 0;
    let last = -1;
    while (from <= text.length) {
      regex.lastIndex = from;
      const match = regex.exec(text);
      if (match === null) return;
      const [start, end] = [match.index, match.index + match[0].length];
      if (start === end && last === end) {
        from = end + (text.codePointAt(end)! > 0xffff ? 2 : 1);
        continue;
      }
      yield [start, end];
      [from, last] = [end, end];
    }
  };
}

export function occurrencesOf(plain: string): FindMatches {
  if (plain === "") return matchesOf(/(?:)/gu); // the library makes a regular expression of it
  return function* (text) {
    for (let at = text.indexOf(plain); at >= 0; at = text.indexOf(plain, at + plain.length))
      yield [at, at + plain.length];
  };
}

interface Span {
  start: number;
  end: number;
  readonly match: boolean;
}

/** The text's pieces, none of them empty. `invert`: what lies between the matches counts as matched. */
export function splitter(
  find: FindMatches,
  behavior: Behavior,
  invert = false,
): (text: string) => readonly string[] {
  const join = JOINS[behavior];
  return (text) => {
    const spans: Span[] = [];
    let from = 0;
    for (const [start, end] of find(text)) {
      if (start > from) spans.push({ start: from, end: start, match: invert });
      spans.push({ start, end, match: !invert });
      from = end;
    }
    if (from < text.length) spans.push({ start: from, end: text.length, match: invert });
    return join(spans)
      .filter(({ start, end }) => end > start)
      .map(({ start, end }) => text.slice(start, end));
  };
}

const JOINS: Readonly<Record<Behavior, (spans: readonly Span[]) => readonly Span[]>> = {
  Removed: (spans) => spans.filter(({ match }) => !match),
  Isolated: (spans) => spans,
  Contiguous: (spans) => joined(spans, (match, before) => match === before),
  MergedWithPrevious: (spans) => joined(spans, (match, before) => match && !before),
  MergedWithNext(spans) {
    const out: Span[] = [];
    let after = false;
    for (const span of [...spans].reverse()) {
      if (span.match && !after && out.length > 0) out.at(-1)!.start = span.start;
      else out.push(span);
      after = span.match;
    }
    return out.reverse();
  },
};

/** Each span that joins the one before it, by whether the two are matches, goes on with what that is part of. */
function joined(
  spans: readonly Span[],
  joins: (match: boolean, before: boolean) => boolean,
): readonly Span[] {
  const out: Span[] = [];
  let before = false;
  for (const span of spans) {
    if (out.length > 0 && joins(span.match, before)) out.at(-1)!.end = span.end;
    else out.push(span);
    before = span.match;
  }
  return out;
}
