/** YAML text -> a located tree, with the mistakes that the YAML itself has. Knows nothing of what the keys mean. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from "yaml";
import type { Entry, Located, Place } from "./located.ts";
import type { Mistake } from "./mistakes.ts";

export interface ReadYaml {
  /** Absent where the text could not be understood or is empty. */
  readonly tree?: Located;
  readonly mistakes: readonly Mistake[];
}

/** Nodes a document may have once its aliases are written out: more is a mistake or an attack. */
const MAX_NODES = 100_000;

/** `placeAt` turns a 1-based line and column of the text into a place. */
export function readYaml(text: string, placeAt: (line: number, column: number) => Place): ReadYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return placeAt(line, col);
  };
  const mistake = (offset: number, message: string): Mistake => ({ place: place(offset), key: "", message });
  if (document.errors.length > 0) {
    return { mistakes: document.errors.map((error) => mistake(error.pos[0], ownWords(error, text))) };
  }

  const mistakes: Mistake[] = [];
  let nodes = 0;
  const open = new Set<unknown>();
  const start = (node: Node | null | undefined, otherwise: Place) =>
    node?.range ? place(node.range[0]) : otherwise;

  function locate(node: Node | null | undefined, at: Place): Located {
    if (isAlias(node)) return locateAlias(node, start(node, at));
    const here = start(node, at);
    const empty: Located = { kind: "scalar", place: here, value: null };
    if (++nodes > MAX_NODES) {
      if (nodes === MAX_NODES + 1)
        mistakes.push({ place: here, key: "", message: `more than ${MAX_NODES} values` });
      return empty;
    }
    if (isMap(node)) {
      const entries = new Map<string, Entry>();
      for (const pair of node.items) {
        const key = pair.key as Node;
        const keyPlace = start(key, here);
        if (!isScalar(key))
          mistakes.push({ place: keyPlace, key: "", message: "a key must be a plain word" });
        else
          entries.set(String(key.value), {
            place: keyPlace,
            value: locate(pair.value as Node | null, keyPlace),
          });
      }
      return { kind: "mapping", place: here, entries };
    }
    if (isSeq(node))
      return { kind: "sequence", place: here, items: node.items.map((i) => locate(i as Node, here)) };
    return isScalar(node) ? { kind: "scalar", place: here, value: scalarValue(node.value) } : empty;
  }

  function locateAlias(alias: Extract<Node, { source: string }>, here: Place): Located {
    const target = isAlias(alias) ? alias.resolve(document) : undefined;
    if (target === undefined || open.has(target)) {
      const wrong = target === undefined ? `names no &${alias.source} before it` : "refers to itself";
      mistakes.push({ place: here, key: "", message: `*${alias.source} ${wrong}` });
      return { kind: "scalar", place: here, value: null };
    }
    open.add(target);
    const located = locate(target, here);
    open.delete(target);
    return located;
  }

  if (document.contents === null) return { mistakes: [] };
  const tree = locate(document.contents as Node, placeAt(1, 1));
  return mistakes.length > 0 ? { mistakes } : { tree, mistakes };
}

/** What the parser says of a config's commonest slips is meant for programmers. */
function ownWords(error: YAMLError, text: string): string {
  if (error.code === "MULTIPLE_DOCS") return "a second document begins here; a config is one";
  if (error.code !== "DUPLICATE_KEY") return `not YAML: ${error.message.split("\n")[0]}`;
  const key = /^[^:\s]*/.exec(text.slice(error.pos[0]))?.[0];
  return `the key ${key} is written twice`;
}

/** YAML knows no other scalars in its core schema; a tagged one counts as text. */
function scalarValue(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "boolean") return value;
  return String(value);
}
