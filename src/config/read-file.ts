/** A config file and everything it extends, laid over one another: what a file says itself wins over what it extends. */
import { isUtf8 } from "node:buffer";
import { readdirSync, readFileSync, statSync } from "node:fs";
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
    const missing = whyNoFile(path);
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
  const bytes = bytesOf(file);
  if (typeof bytes === "string") return whole(bytes);
  const { text, line = 0, problem } = decoded(bytes);
  if (text === undefined) return whole(problem!, line);
  const source = file === STDIN ? "<stdin>" : file;
  const read = readYaml(text, (line, column) => ({ source, line, column }));
  diagnostics.push(...read.diagnostics);
  if (read.diagnostics.length > 0) return undefined;
  if (read.tree === undefined) return whole("the file is empty; expected a mapping such as `norm: pre`", 1);
  if (read.tree.kind === "mapping") return read.tree;
  return whole(`expected a mapping such as \`norm: pre\`, got ${show(plain(read.tree))}`, 1);
}

/** Instead of a file: the config comes from standard input. */
const STDIN = "-";

/** What has neither a name of its own nor files beside it. */
export const isPipe = (file: string): boolean =>
  file === STDIN || statSync(file, { throwIfNoEntry: false })?.isFile() === false;

/** Read once, since what a pipe gives is gone then; or why it cannot be read. */
function bytesOf(file: string): Buffer | string {
  try {
    return readFileSync(file === STDIN ? 0 : file);
  } catch (error) {
    return whyUnreadable(file, error as NodeJS.ErrnoException);
  }
}

function whyNoFile(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? undefined : "is no file; expected a YAML file";
  } catch (error) {
    return whyUnreadable(path, error as NodeJS.ErrnoException);
  }
}

function whyUnreadable(file: string, { code }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") return `no such file${didYouMean(basename(file), siblings(file))}`;
  return code === "EISDIR" ? "is a folder; expected a YAML file" : `cannot be read (${code})`;
}

/** The text of UTF-8, or what is wrong with it, and in which line. */
function decoded(bytes: Buffer): {
  readonly text?: string;
  readonly line?: number;
  readonly problem?: string;
} {
  const start = bytes.toString("hex", 0, 2);
  if (start === "fffe" || start === "feff") return { problem: "is UTF-16; save it as UTF-8" };
  if (isUtf8(bytes)) return { text: bytes.toString() };
  // Decoding puts U+FFFD where bytes are none, and else gives the same bytes back.
  const again = Buffer.from(bytes.toString());
  const at = bytes.findIndex((byte, i) => byte !== again[i]);
  const line = bytes.subarray(0, at).filter((byte) => byte === 10).length + 1;
  return { line, problem: `is not UTF-8 (byte 0x${bytes[at]!.toString(16)}); save it as UTF-8` };
}

function siblings(file: string): readonly string[] {
  try {
    return readdirSync(dirname(file)).filter((name) => /\.ya?ml$/.test(name));
  } catch {
    return [];
  }
}
