/** A config file and everything it extends, laid over one another: what a file says itself wins over what it extends. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
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
import { readYaml } from "./read-yaml.ts";
import { didYouMean, show } from "./wording.ts";

/** What a file keeps for itself: these say what that one file is, and what is known of its own numbers. */
const OWN_KEYS = ["name", "description", "extends", "expect"];

/** Throws every mistake that keeps the files from being put together, with those `already` known. */
export function readFile(file: string, already: readonly Diagnostic[] = []): Mapping {
  const diagnostics: Diagnostic[] = [];
  const tree = readLayered(file, [], diagnostics);
  if (diagnostics.length > 0) throwDiagnostics([...diagnostics, ...already]);
  return tree!;
}

function readLayered(file: string, trail: readonly string[], diagnostics: Diagnostic[]): Mapping | undefined {
  const own = readOne(file, diagnostics);
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
    const missing = unreadable(path);
    if (missing !== undefined) {
      wrong(`${path}: ${missing}`);
      continue;
    }
    const base = readLayered(path, here, diagnostics);
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

function readOne(file: string, diagnostics: Diagnostic[]): Mapping | undefined {
  const whole = (message: string, line = 0): undefined => {
    diagnostics.push({ place: { source: file, line, column: line }, key: "", message });
  };
  const missing = unreadable(file);
  if (missing !== undefined) return whole(missing);
  const read = readYaml(readFileSync(file, "utf8"), (line, column) => ({ source: file, line, column }));
  diagnostics.push(...read.diagnostics);
  if (read.diagnostics.length > 0) return undefined;
  if (read.tree === undefined) return whole("the file is empty; expected a mapping such as `norm: pre`", 1);
  if (read.tree.kind === "mapping") return read.tree;
  return whole(`expected a mapping such as \`norm: pre\`, got ${show(plain(read.tree))}`, 1);
}

/** Why a file cannot be read, if so. */
function unreadable(file: string): string | undefined {
  try {
    const start = readFileSync(file).toString("hex", 0, 2);
    return start === "fffe" || start === "feff" ? "is UTF-16; save it as UTF-8" : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return `no such file${didYouMean(basename(file), siblings(file))}`;
    return code === "EISDIR" ? "is a folder; expected a YAML file" : `cannot be read (${code})`;
  }
}

function siblings(file: string): readonly string[] {
  try {
    return readdirSync(dirname(file)).filter((name) => /\.ya?ml$/.test(name));
  } catch {
    return [];
  }
}
