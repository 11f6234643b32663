/**
 * A regular expression as tokenizer.json has it, Oniguruma's in Ruby's syntax (doc/RE of Oniguruma), written for
 * JavaScript: the same matches, or refused. Refused too is what can backtrack without end: an unbounded repetition of
 * something that itself varies, such as (a+)+ or (a|b)*, and more than three unbounded repetitions in one branch.
 */
import { ONIGURUMA_WORD_ALONE } from "./characters.ts";
import { classAt, escapedClass, literal } from "./regex-class.ts";
import { Unsupported } from "./unsupported.ts";

/** A piece of the translation. */
interface Node {
  readonly source: string;
  /** Characters it matches where that is always the same number, and always in one way. */
  readonly fixed: number | undefined;
  /** Repetitions without bound on its longest branch. */
  readonly loops: number;
  /** Characters of its shortest match. */
  readonly least: number;
}

export interface TranslatedRegex {
  readonly regex: RegExp;
  /** Whether it may match no character. */
  readonly nullable: boolean;
}

/** After its parenthesis, what a group is in JavaScript, and whether case counts in it where that changes; the first that fits. */
const GROUPS: readonly {
  readonly opening: string;
  readonly prefix?: "(?:" | "(?=" | "(?!" | "(?<=" | "(?<!" | "(?>";
  readonly folds?: boolean;
}[] = [
  { opening: "?:", prefix: "(?:" },
  { opening: "?i:", prefix: "(?:", folds: true },
  { opening: "?-i:", prefix: "(?:", folds: false },
  { opening: "?=", prefix: "(?=" },
  { opening: "?!", prefix: "(?!" },
  { opening: "?<=", prefix: "(?<=" },
  { opening: "?<!", prefix: "(?<!" },
  { opening: "?>", prefix: "(?>" },
  { opening: "?" }, // any other is not understood
  { opening: "", prefix: "(?:" },
];

/** More of them take longer than a text's length cubed. */
const MAX_LOOPS = 3;
const MAX_DEPTH = 50;
/** How often at most something that varies may be repeated. */
const MAX_REPEAT = 4;

/** Throws Unsupported where the expression has something that is not honoured exactly. */
export function translateRegex(where: string, written: string): TranslatedRegex {
  const refuse = (what: string): never => {
    throw new Unsupported(
      `${where}: the pattern ${JSON.stringify(written)} has ${what}, which is not supported`,
    );
  };
  const chars = [...written];
  let at = 0;
  let atomics = 0;
  let depth = 0;

  function alternatives(ignoreCase: boolean): Node {
    const branches: Node[] = [branch(ignoreCase)];
    while (chars[at] === "|") {
      at++;
      branches.push(branch(ignoreCase));
    }
    if (branches.length === 1) return branches[0]!;
    const loops = branches.reduce((most, b) => Math.max(most, b.loops), 0);
    const least = branches.reduce((least, b) => Math.min(least, b.least), Number.POSITIVE_INFINITY);
    return { source: branches.map((b) => b.source).join("|"), fixed: undefined, loops, least };
  }

  function branch(ignoreCase: boolean): Node {
    const parts: Node[] = [];
    let folded = ignoreCase;
    while (at < chars.length && chars[at] !== "|" && chars[at] !== ")") {
      if (chars.slice(at, at + 4).join("") === "(?i)") {
        if (parts.length === 0 && at !== 0) refuse("(?i) elsewhere than at its start; write (?i:...)");
        // It holds to the end of the group, alternatives included; here to the end of its branch.
        if (written.includes("|")) refuse("(?i) before alternatives; write (?i:...)");
        folded = true;
        at += 4;
        continue;
      }
      parts.push(quantified(atom(folded)));
    }
    const fixed = parts.reduce<number | undefined>(
      (sum, { fixed: n }) => (sum === undefined || n === undefined ? undefined : sum + n),
      0,
    );
    const loops = parts.reduce((sum, part) => sum + part.loops, 0);
    if (loops > MAX_LOOPS) refuse(`more than ${MAX_LOOPS} unbounded repetitions in one branch`);
    const least = parts.reduce((sum, part) => sum + part.least, 0);
    return { source: parts.map((part) => part.source).join(""), fixed, loops, least };
  }

  function atom(ignoreCase: boolean): Node {
    const char = chars[at++]!;
    if (char === "(") return group(ignoreCase);
    if (char === "[") {
      const { source, end } = classAt(chars, at, ignoreCase, refuse);
      at = end;
      return one(source);
    }
    if (char === ".") return one("[^\\n]");
    if (char === "^") return assertion("(?:(?<![\\s\\S])|(?<=\\n)(?=[\\s\\S]))");
    if (char === "$") return assertion("(?=\\n|(?![\\s\\S]))");
    if (char === "\\") return escaped(ignoreCase);
    if ("*+?{".includes(char)) refuse(`${JSON.stringify(char)} with nothing before it to repeat`);
    const next = chars[at];
    return one(literal(char, ignoreCase, next, refuse));
  }

  function escaped(ignoreCase: boolean): Node {
    const char = chars[at] ?? refuse("a backslash at its end");
    const word = `[${ONIGURUMA_WORD_ALONE}]`;
    const edge = `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
    const assertions: Readonly<Record<string, string>> = {
      b: edge,
      B: `(?!${edge})`,
      A: "(?<![\\s\\S])",
      z: "(?![\\s\\S])",
      Z: "(?=\\n?(?![\\s\\S]))",
    };
    if (Object.hasOwn(assertions, char)) {
      at++;
      return assertion(assertions[char]!);
    }
    if (char === "w" || char === "W") {
      at++;
      return one(char === "w" ? word : word.replace("[", "[^"));
    }
    const { source, end, literal: plain } = escapedClass(chars, at, refuse);
    at = end;
    return one(plain === undefined ? `[${source}]` : literal(plain, ignoreCase, chars[at], refuse));
  }

  function group(ignoreCase: boolean): Node {
    const rest = chars.slice(at, at + 4).join("");
    const { opening, prefix, folds } = GROUPS.find((kind) => rest.startsWith(kind.opening))!;
    if (prefix === undefined) return refuse(`the group "(${rest}"`);
    const folded = folds ?? ignoreCase;
    at += opening.length;
    if (++depth > MAX_DEPTH) refuse(`groups more than ${MAX_DEPTH} deep`);
    const inner = alternatives(folded);
    depth--;
    if (chars[at++] !== ")") refuse("a group that is not closed");
    if (prefix === "(?>") return atomic(inner);
    const source = `${prefix}${inner.source})`;
    if (prefix === "(?:") return { ...inner, source };
    if (prefix.startsWith("(?<") && inner.loops > 0) refuse("an unbounded repetition in a look-behind");
    return { source, fixed: undefined, loops: inner.loops, least: 0 };
  }

  /** What is matched is not given back: a look-ahead is never entered twice. */
  function atomic(inner: Node): Node {
    const name = `atomic${atomics++}`;
    return {
      source: `(?:(?=(?<${name}>${inner.source}))\\k<${name}>)`,
      fixed: inner.fixed,
      loops: inner.loops,
      least: inner.least,
    };
  }

  function quantified(node: Node): Node {
    const bounds = repetition();
    if (bounds === undefined) return node;
    const [low, high, braces] = bounds;
    const lazy = chars[at] === "?";
    const possessive = chars[at] === "+";
    if (braces !== "" && (lazy || possessive))
      refuse(`${braces}${chars[at]}, which means something else in other engines`);
    if (lazy || possessive) at++;
    if ("*+?".includes(chars[at] ?? " ") || repetitionAhead()) refuse("a repetition of a repetition");
    const unbounded = high === Number.POSITIVE_INFINITY;
    if (unbounded && node.fixed === undefined)
      refuse("an unbounded repetition of a group that itself varies, which can backtrack without end");
    if (!unbounded && node.fixed === undefined && high > MAX_REPEAT)
      refuse(
        `a group that varies and is repeated more than ${MAX_REPEAT} times, which can backtrack without end`,
      );
    const mark = braces !== "" ? jsBraces(low, high) : low === 1 ? "+" : unbounded ? "*" : "?";
    const repeated: Node = {
      source: `${node.source}${mark}${lazy ? "?" : ""}`,
      fixed: low === high && node.fixed !== undefined ? low * node.fixed : undefined,
      loops: unbounded ? node.loops + 1 : node.loops * Math.max(1, high),
      least: low * node.least,
    };
    return possessive ? atomic(repeated) : repeated;
  }

  const jsBraces = (low: number, high: number) =>
    high === low ? `{${low}}` : `{${low},${high === Number.POSITIVE_INFINITY ? "" : high}}`;

  const bracesAt = () => /^\{(\d*)(,?)(\d*)\}/.exec(chars.slice(at, at + 16).join(""));
  const repetitionAhead = (): boolean => bracesAt() !== null;

  function repetition(): readonly [low: number, high: number, braces: string] | undefined {
    const char = chars[at];
    if (char === "*" || char === "+" || char === "?") {
      at++;
      return [char === "+" ? 1 : 0, char === "?" ? 1 : Number.POSITIVE_INFINITY, ""];
    }
    if (char !== "{") return undefined;
    const [braces, low, comma, high] = bracesAt() ?? refuse("a brace that is no repetition");
    if (low === "" && high === "") refuse("a brace that is no repetition");
    at += braces.length;
    const from = Number(low);
    const to = comma === "" ? from : high === "" ? Number.POSITIVE_INFINITY : Number(high);
    if (to < from || from > 1000 || (to > 1000 && to !== Number.POSITIVE_INFINITY))
      refuse(`the repetition ${braces}`);
    return [from, to, braces];
  }

  const { source, least } = alternatives(false);
  if (at < chars.length) refuse("a bracket that closes nothing");
  return { regex: new RegExp(source, "gv"), nullable: least === 0 };
}

const one = (source: string): Node => ({ source, fixed: 1, loops: 0, least: 1 });
const assertion = (source: string): Node => ({ source, fixed: undefined, loops: 0, least: 0 });
