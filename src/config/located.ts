/**
 * A YAML value that remembers, node by node, who wrote it: files and the command line are laid over one another,
 * and a mistake found later still points at its author. Trees are never changed, only rebuilt.
 */
import { remembered } from "../lib/memo.ts";

/** Where something is written. `line` 0: not in a file, and `source` says it all. */
export interface Place {
  readonly source: string;
  readonly line: number;
  readonly column: number;
}

export interface Scalar {
  readonly kind: "scalar";
  readonly place: Place;
  readonly value: string | number | boolean | null;
}

export interface Sequence {
  readonly kind: "sequence";
  readonly place: Place;
  readonly items: readonly Located[];
}

export interface Mapping {
  readonly kind: "mapping";
  readonly place: Place;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** A value under a key; `place` is the key's. */
export interface Entry {
  readonly place: Place;
  readonly value: Located;
}

export type Located = Scalar | Sequence | Mapping;
export type Path = readonly (string | number)[];

/** The value alone, not to be changed: of a tree that several share there is one. */
export const plain = (tree: Located): unknown => (tree.kind === "scalar" ? tree.value : plainly(tree));

const plainly = remembered((tree: Sequence | Mapping): unknown =>
  tree.kind === "sequence"
    ? tree.items.map(plain)
    : Object.fromEntries([...tree.entries].map(([key, entry]) => [key, plain(entry.value)])),
);

/** How far a path leads into a tree: the last node on it, the place of that node's key, and how many steps that is. */
export function follow(
  tree: Located,
  path: Path,
): { readonly node: Located; readonly key: Place; readonly depth: number } {
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
 * a list is taken by its number.
 */
export function assign(tree: Mapping, path: readonly string[], entry: Entry): Mapping {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) return { ...tree, entries: put(tree.entries, key, entry) };
  const old = tree.entries.get(key);
  const value = assigned(old?.value, rest, entry);
  return { ...tree, entries: put(tree.entries, key, { place: old?.place ?? entry.place, value }) };
}

/** `path` is not empty. */
function assigned(old: Located | undefined, path: readonly string[], entry: Entry): Located {
  const [key, ...rest] = path as [string, ...string[]];
  if (old?.kind === "sequence" && old.items[Number(key)] !== undefined) {
    const at = Number(key);
    const item = rest.length === 0 ? entry.value : assigned(old.items[at], rest, entry);
    return { ...old, items: old.items.with(at, item) };
  }
  const below = old?.kind === "sequence" ? byNumber(old) : old && asMapping(old);
  return assign(below ?? { kind: "mapping", place: entry.place, entries: new Map() }, path, entry);
}

/** A list that is given a key which is none of its numbers: nothing is lost, and whoever reads it finds both. */
const byNumber = ({ place, items }: Sequence): Mapping => ({
  kind: "mapping",
  place,
  entries: new Map(items.map((value, i) => [String(i), { place: value.place, value }])),
});

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
