/** YAML text -> a located tree, with the mistakes that the YAML itself has. Knows nothing of what the keys mean. */
import type { Alias, Node, Scalar, YAMLError, YAMLMap } from "yaml";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Diagnostic } from "./diagnostics.ts";
import type { Entry, Located, Mapping, SourceLocation } from "./located.ts";

export interface ReadYaml {
  /** Absent where the text could not be understood or is empty. */
  readonly tree?: Located;
  readonly diagnostics: readonly Diagnostic[];
}

/** Nodes a document may have once its aliases are written out: more is a slip or an attack. */
const MAX_NODES = 100_000;
/** No config needs more levels. */
const MAX_DEPTH = 100;

/** `placeAt` turns a 1-based line and column of the text into a place. */
export function readYaml(text: string, placeAt: (line: number, column: number) => SourceLocation): ReadYaml {
  const lines = new LineCounter();
  // Whether keys are unique is looked at below: the parser compares each with every other one.
  const document = parsed(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  if (document === undefined || document.errors.some(({ message }) => OVERFLOW.test(message)))
    return { diagnostics: [{ place: placeAt(1, 1), key: "", message: TOO_DEEP }] };
  const placeOf = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return placeAt(line, col);
  };
  if (document.errors.length > 0) {
    const say = (e: YAMLError): Diagnostic => ({
      place: placeOf(e.pos[0]),
      key: "",
      message: ownWords(e, text),
    });
    const tabs = document.errors.filter(({ code }) => code === "TAB_AS_INDENT");
    // A tab misleads the parser about every line after it.
    return { diagnostics: (tabs.length > 0 ? tabs : document.errors).map(say) };
  }
  if (document.contents === null) return { diagnostics: [] };
  const reading: Reading = {
    placeOf,
    diagnostics: [],
    nodes: 0,
    depth: 0,
    anchors: new Map(),
    targets: new Map(),
    open: new Set(),
  };
  const tree = locate(document.contents as Node, placeAt(1, 1), reading);
  return reading.diagnostics.length > 0 ? { diagnostics: reading.diagnostics } : { tree, diagnostics: [] };
}

const TOO_DEEP = `nested more than ${MAX_DEPTH} levels deep`;

/** What the parser, where it catches that, says of its own stack. */
const OVERFLOW = /call stack/;

/** undefined where the parser, which calls itself for each level, has come to the end of its stack. */
function parsed(text: string, options: Parameters<typeof parseDocument>[1]) {
  try {
    return parseDocument(text, options);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

interface Reading {
  readonly placeOf: (offset: number) => SourceLocation;
  readonly diagnostics: Diagnostic[];
  nodes: number;
  depth: number;
  /** By name, the last one read so far: what an alias means. */
  readonly anchors: Map<string, Node>;
  /** What each alias stands for: what it did where it was written. */
  readonly targets: Map<Alias, Node | undefined>;
  /** What aliases stand for that are being read. */
  readonly open: Set<Node>;
}

/** `near`: the place of something that writes nothing, such as the value of `key:`. */
function locate(node: Node | null, near: SourceLocation, reading: Reading): Located {
  const place = node?.range ? reading.placeOf(node.range[0]) : near;
  if (isAlias(node)) return locateAlias(node, place, reading);
  if (++reading.nodes > MAX_NODES) {
    return nothing(
      place,
      reading,
      reading.nodes === MAX_NODES + 1 ? `more than ${MAX_NODES} values` : undefined,
    );
  }
  // Where an alias is written out, its inner anchors are not set again.
  if (node?.anchor !== undefined && reading.open.size === 0) reading.anchors.set(node.anchor, node);
  if (isMap(node) || isSeq(node)) {
    if (reading.depth >= MAX_DEPTH) return nothing(place, reading, TOO_DEEP);
    reading.depth++;
    const located: Located = isMap(node)
      ? locateMap(node, place, reading)
      : { kind: "sequence", place, items: node.items.map((item) => locate(item as Node, place, reading)) };
    reading.depth--;
    return located;
  }
  return { kind: "scalar", place, value: isScalar(node) ? scalarValue(node.value) : null };
}

function locateMap(map: YAMLMap, place: SourceLocation, reading: Reading): Mapping {
  const entries = new Map<string, Entry>();
  const merged: Located[] = [];
  for (const { key, value } of map.items) {
    const keyPlace = locate(key as Node, place, reading).place;
    if (!isScalar(key)) {
      nothing(keyPlace, reading, "a key must be a plain scalar");
      continue;
    }
    const name = keyText(key);
    const located = locate(value as Node | null, keyPlace, reading);
    if (name === MERGE && key.type === "PLAIN") merged.push(located);
    else if (isPrototype(name)) nothing(keyPlace, reading, `${name} is not allowed as a key`);
    // YAML tells 1 and "1" apart; here both are the key 1.
    else if (entries.has(name)) nothing(keyPlace, reading, `duplicate key ${name}`);
    else entries.set(name, { place: keyPlace, value: located });
  }
  for (const source of merged) mergeInto(entries, source, reading);
  return { kind: "mapping", place, entries };
}

/** `<<: *anchor` or `<<: [*one, *two]` (YAML 1.1's merge key): what the mapping says itself stands, then the first one. */
const MERGE = "<<";

function mergeInto(entries: Map<string, Entry>, source: Located, reading: Reading): void {
  for (const from of source.kind === "sequence" ? source.items : [source]) {
    if (from.kind !== "mapping")
      nothing(from.place, reading, `${MERGE} takes a mapping or a list of mappings`);
    else for (const [key, entry] of from.entries) if (!entries.has(key)) entries.set(key, entry);
  }
}

/** Of YAML 1.1's merge key the value is a symbol. */
const keyText = ({ value }: Scalar): string => (typeof value === "symbol" ? MERGE : String(value));

/** A name that JavaScript's objects do not hold as they hold others. */
export const isPrototype = (key: string): boolean => key === "__proto__";

function locateAlias(alias: Alias, place: SourceLocation, reading: Reading): Located {
  const { anchors, targets } = reading;
  if (!targets.has(alias)) targets.set(alias, anchors.get(alias.source));
  const target = targets.get(alias);
  if (target === undefined)
    return nothing(place, reading, `*${alias.source}: no anchor &${alias.source} before it`);
  if (reading.open.has(target)) return nothing(place, reading, `*${alias.source} refers to itself`);
  reading.open.add(target);
  const located = locate(target, place, reading);
  reading.open.delete(target);
  return located;
}

/** A value to go on with after a mistake. */
function nothing(place: SourceLocation, { diagnostics }: Reading, message: string | undefined): Located {
  if (message !== undefined) diagnostics.push({ place, key: "", message });
  return { kind: "scalar", place, value: null };
}

/** What the parser says of the commonest slips is meant for programmers. */
function ownWords({ code, message, pos }: YAMLError, text: string): string {
  if (code === "MULTIPLE_DOCS") return "a second YAML document begins here; a config has one";
  const line = text.slice(text.lastIndexOf("\n", pos[0] - 1) + 1).split("\n")[0]!;
  const joined = /^\s*(?:- )?([\w.-]+):(?=[^\s:/])/.exec(line)?.[1];
  if (joined !== undefined) return `not YAML: expected a space after the colon, as in \`${joined}: value\``;
  return `not YAML: ${message.split("\n")[0]}`;
}

/** YAML's core schema knows no other scalars; a tagged one counts as text. */
function scalarValue(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "boolean") return value;
  return String(value);
}
