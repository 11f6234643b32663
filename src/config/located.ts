/**
 * A YAML value that remembers, node by node, who wrote it: files and the command line are laid over one another,
 * and a mistake found later still points at its author. Trees are never changed, only rebuilt.
 */
import { memoize } from "../lib/memo.ts";
import { keyText, throwDiagnostics } from "./diagnostics.ts";

/** Where something is written. `line` 0: not in a file, and `source` says it all. */
export interface SourceLocation {
  readonly source: string;
  readonly line: number;
  readonly column: number;
}

export interface Scalar {
  readonly kind: "scalar";
  readonly place: SourceLocation;
  readonly value: string | number | boolean | null;
}

export interface Sequence {
  readonly kind: "sequence";
  readonly place: SourceLocation;
  readonly items: readonly Located[];
}

export interface Mapping {
  readonly kind: "mapping";
  readonly place: SourceLocation;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** A value under a key; `place` is the key's. */
export interface Entry {
  readonly place: SourceLocation;
  readonly value: Located;
}

export type Located = Scalar | Sequence | Mapping;
export type Path = readonly (string | number)[];

/** The value alone, not to be changed: of a tree that several share there is one. */
export const plain = (tree: Located): unknown => (tree.kind === "scalar" ? tree.value : plainly(tree));

const plainly = memoize((tree: Sequence | Mapping): unknown =>
  tree.kind === "sequence"
    ? tree.items.map(plain)
    : Object.fromEntries([...tree.entries].map(([key, entry]) => [key, plain(entry.value)])),
);

/** How far a path leads into a tree: the last node on it, the place of that node's key, and how many steps that is. */
export function follow(
  tree: Located,
  path: Path,
): { readonly node: Located; readonly key: SourceLocation; readonly depth: number } {
  let at = { node: tree, key: tree.place, depth: 0 };
  for (const part of path) {
    const next = child(at.node, part);
    if (next === undefined) return at;
    at = { node: next.value, key: next.place, depth: at.depth + 1 };
  }
  return at;
}

function child(node: Located, key: string | number): Entry | undefined {
  if (node.kind === "mapping") return node.entries.get(String(key));
  const item = node.kind === "sequence" ? node.items[Number(key)] : undefined;
  return item && { place: item.place, value: item };
}

/**
 * The tree with `entry` at a path. Mappings on the way are made; a bare NAME on the way becomes `{name: NAME}`; an item of
 * a list has its number for a key. Throws the mistake of a path that gives a list another key.
 */
export function assign(tree: Mapping, path: readonly string[], entry: Entry, above: Path = []): Mapping {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) return { ...tree, entries: put(tree.entries, key, entry) };
  const old = tree.entries.get(key);
  const value = within(old?.value, rest, entry, [...above, key]);
  return { ...tree, entries: put(tree.entries, key, { place: old?.place ?? entry.place, value }) };
}

/** `path` leads on from the value at `above`, which is there or not. */
function within(old: Located | undefined, path: readonly string[], entry: Entry, above: Path): Located {
  if (old?.kind === "sequence") return withItem(old, path, entry, above);
  const below = (old && asMapping(old)) ?? { kind: "mapping", place: entry.place, entries: new Map() };
  return assign(below, path, entry, above);
}

function withItem(list: Sequence, path: readonly string[], entry: Entry, above: Path): Sequence {
  const [key, ...rest] = path as [string, ...string[]];
  const at = [...list.items.keys()].find((i) => String(i) === key);
  if (at === undefined) {
    const example = [...above, 0, ...path.slice(/^\d+$/.test(key) ? 1 : 0)].join(".");
    const message = `is a list of ${list.items.length}; expected the number of an item, counted from 0, as in ${example}, got ${key}`;
    throwDiagnostics([{ place: entry.place, key: keyText(above), message }]);
  }
  const item = rest.length === 0 ? entry.value : within(list.items[at!], rest, entry, [...above, key]);
  return { ...list, items: list.items.with(at!, item) };
}

/** Keys that say one thing in two ways: the later one stands. */
const ALTERNATIVES = [["steps", "tokens"]];

function put(entries: ReadonlyMap<string, Entry>, key: string, entry: Entry): ReadonlyMap<string, Entry> {
  const after = new Map(entries);
  for (const others of ALTERNATIVES.filter((keys) => keys.includes(key)))
    for (const other of others) if (other !== key) after.delete(other);
  return after.set(key, entry);
}

/** The mapping without some of its keys. */
export function without(tree: Mapping, keys: readonly string[]): Mapping {
  return { ...tree, entries: new Map([...tree.entries].filter(([key]) => !keys.includes(key))) };
}

/** Keys that select a thing: what was said about another thing does not carry over. */
const SELECTORS = ["name", "preset"];

/** `over` laid on `base`: mappings key by key, everything else replaced. The root selects nothing by its `name`. */
export function overlay(base: Mapping, over: Mapping): Mapping {
  const fresh = [...over.entries.keys()].flatMap((key) =>
    ALTERNATIVES.filter((keys) => keys.includes(key)).flat(),
  );
  const entries = new Map(without(base, fresh).entries);
  for (const [key, entry] of over.entries) {
    const old = base.entries.get(key);
    entries.set(key, old === undefined ? entry : { ...entry, value: overlaid(old.value, entry.value) });
  }
  return { ...over, entries };
}

function overlaid(base: Located, over: Located): Located {
  const below = asMapping(base);
  if (over.kind !== "mapping" || below === undefined) return over;
  const another = SELECTORS.some((selector) => {
    const chosen = over.entries.get(selector);
    if (chosen === undefined) return false;
    const before = below.entries.get(selector);
    return before === undefined || plain(before.value) !== plain(chosen.value);
  });
  return another ? over : overlay(below, over);
}

function asMapping(tree: Located): Mapping | undefined {
  if (tree.kind === "mapping") return tree;
  if (tree.kind === "sequence" || typeof tree.value !== "string") return undefined;
  return {
    kind: "mapping",
    place: tree.place,
    entries: new Map([["name", { place: tree.place, value: tree }]]),
  };
}
