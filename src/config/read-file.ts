/** A config file and everything it extends, laid over one another: what a file says itself wins over what it extends. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { type Diagnostic, throwDiagnostics } from "./diagnostics.ts";
import {
  type Entry,
  type Located,
  type Mapping,
  overlay,
  plain,
  type SourceLocation,
  without,
} from "./located.ts";
import { readText, STDIN, type Text } from "./read-text.ts";
import { readYaml } from "./read-yaml.ts";
import { show } from "./wording.ts";

/** What a file keeps for itself: these say what that one file is, and what is known of its own numbers. */
const OWN_KEYS = ["name", "description", "extends", "expect"];

/** Throws every mistake that keeps the files from being put together, with those `already` known. */
export function readFile(file: string, already: readonly Diagnostic[] = []): Mapping {
  const diagnostics: Diagnostic[] = [];
  const tree = readLayered(file, readText(file, { pipes: true }), [], {
    diagnostics,
    texts: new Map(),
    read: new Map(),
  });
  if (diagnostics.length > 0) throwDiagnostics([...diagnostics, ...already]);
  return tree!;
}

interface Reading {
  readonly diagnostics: Diagnostic[];
  /** By path, of each file that is extended its text, and what it extends and says: one extended in many ways is read once. */
  readonly texts: Map<string, Text>;
  readonly read: Map<string, Mapping | undefined>;
}

/** `found`: what the file holds, where it was read already. */
function readLayered(
  file: string,
  found: Text,
  trail: readonly string[],
  reading: Reading,
): Mapping | undefined {
  const path = resolve(file);
  if (!reading.read.has(path)) reading.read.set(path, layered(file, found, trail, reading));
  return reading.read.get(path);
}

function layered(file: string, found: Text, trail: readonly string[], reading: Reading): Mapping | undefined {
  const { diagnostics } = reading;
  const own = readOne(file, found, diagnostics);
  if (own === undefined) return undefined;
  const here = [...trail, file];
  let tree: Mapping | undefined;
  for (const { place, target } of extended(own.entries.get("extends"), diagnostics)) {
    const path = isAbsolute(target) ? target : join(dirname(file), target);
    const wrong = (message: string) => diagnostics.push({ place, key: "extends", message });
    const loop = here.findIndex((earlier) => resolve(earlier) === resolve(path));
    if (loop >= 0) {
      wrong(`circular extends: ${[...here.slice(loop), path].join(" -> ")}`);
      continue;
    }
    const found = reading.texts.get(resolve(path)) ?? readText(path, { pipes: false });
    reading.texts.set(resolve(path), found);
    if ("why" in found) {
      wrong(`${path}: ${found.why}`);
      continue;
    }
    const base = readLayered(path, found, here, reading);
    if (base !== undefined) tree = tree ? overlay(tree, without(base, OWN_KEYS)) : without(base, OWN_KEYS);
  }
  return tree === undefined ? own : overlay(tree, own);
}

/** The targets of `extends: FILE` or `extends: [FILE, ...]`. */
function extended(
  entry: Entry | undefined,
  diagnostics: Diagnostic[],
): readonly { place: SourceLocation; target: string }[] {
  if (entry === undefined) return [];
  const items: readonly Located[] = entry.value.kind === "sequence" ? entry.value.items : [entry.value];
  return items.flatMap((item) => {
    if (item.kind === "scalar" && typeof item.value === "string")
      return [{ place: item.place, target: item.value }];
    const message = `expected a file or a list of files, got ${show(plain(item))}`;
    diagnostics.push({ place: item.place, key: "extends", message });
    return [];
  });
}

function readOne(file: string, found: Text, diagnostics: Diagnostic[]): Mapping | undefined {
  const whole = (message: string, line = 0): undefined => {
    diagnostics.push({ place: { source: file, line, column: line }, key: "", message });
  };
  if ("why" in found) return whole(found.why, found.line);
  const source = file === STDIN ? "<stdin>" : file;
  const read = readYaml(found.text, (line, column) => ({ source, line, column }));
  diagnostics.push(...read.diagnostics);
  if (read.diagnostics.length > 0) return undefined;
  if (read.tree === undefined) return whole("the file is empty; expected a mapping such as `norm: pre`", 1);
  if (read.tree.kind === "mapping") return read.tree;
  return whole(`expected a mapping such as \`norm: pre\`, got ${show(plain(read.tree))}`, 1);
}
