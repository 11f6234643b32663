/** YAML text -> a located tree, with the mistakes that the YAML itself has. Knows nothing of what the keys mean. */
import type { Alias, Document, Node, Scalar, YAMLError, YAMLMap } from "yaml";
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

/** `placeAt` turns a 1-based line and column of the text into a place. */
export function readYaml(text: string, placeAt: (line: number, column: number) => SourceLocation): ReadYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
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
  const reading: Reading = { document, placeOf, diagnostics: [], nodes: 0, open: new Set() };
  const tree = locate(document.contents as Node, placeAt(1, 1), reading);
  return reading.diagnostics.length > 0 ? { diagnostics: reading.diagnostics } : { tree, diagnostics: [] };
}

interface Reading {
  readonly document: Document;
  readonly placeOf: (offset: number) => SourceLocation;
  readonly diagnostics: Diagnostic[];
  nodes: number;
  /** Anchored nodes that are being read. */
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
  if (isMap(node)) return locateMap(node, place, reading);
  if (isSeq(node)) {
    return { kind: "sequence", place, items: node.items.map((item) => locate(item as Node, place, reading)) };
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
  const target = alias.resolve(reading.document);
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
function ownWords(error: YAMLError, text: string): string {
  if (error.code === "MULTIPLE_DOCS") return "a second YAML document begins here; a config has one";
  const line = text.slice(text.lastIndexOf("\n", error.pos[0] - 1) + 1).split("\n")[0]!;
  const joined = /^\s*(?:- )?([\w.-]+):(?=[^\s:/])/.exec(line)?.[1];
  if (joined !== undefined) return `not YAML: expected a space after the colon, as in \`${joined}: value\``;
  if (error.code !== "DUPLICATE_KEY") return `not YAML: ${error.message.split("\n")[0]}`;
  const key = /^[^:\s]*/.exec(text.slice(error.pos[0]))?.[0];
  return `duplicate key ${key}`;
}

/** YAML's core schema knows no other scalars; a tagged one counts as text. */
function scalarValue(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "boolean") return value;
  return String(value);
}
