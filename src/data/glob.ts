/**
 * File patterns, for Node 20 (fs.glob came with 22): `*`, `?`, `[...]` within a folder, `**` across folders,
 * `{a,b}` anywhere. Matches come sorted by code unit, the same order on every machine. Patterns use `/`.
 */
import { readdirSync, statSync } from "node:fs";
import { isAbsolute, join, parse } from "node:path";
import { UserError } from "../lib/errors.ts";

/** Whether a `/`-separated path matches the pattern. For names that lie in no folder, such as an archive's. */
export function globMatcher(pattern: string): (path: string) => boolean {
  const rules = expandBraces(pattern).map((p) => p.split("/"));
  return (path) => rules.some((segments) => matchSegments(segments, path.split("/")));
}

/**
 * The files that match; a relative pattern is looked up in `folder`. Sorted, each once. A file whose name is the pattern
 * itself, brackets and all, is that one file.
 */
export function findFiles(pattern: string, folder: string): readonly string[] {
  const literal = isAbsolute(pattern) ? pattern : join(folder, pattern);
  if (isFile(literal)) return [literal];
  const found = new Set<string>();
  for (const single of expandBraces(pattern)) {
    const root = isAbsolute(single) ? parse(single).root : folder;
    const segments = single.slice(isAbsolute(single) ? root.length : 0).split("/");
    for (const path of walk(
      root,
      segments.filter((s) => s !== "" && s !== "."),
    ))
      found.add(path);
  }
  return [...found].sort((a, b) => (a < b ? -1 : 1));
}

function* walk(folder: string, segments: readonly string[]): Iterable<string> {
  const [head, ...rest] = segments;
  if (head === undefined) return;
  if (head === "**") {
    yield* walk(folder, rest);
    // Linked folders are not descended into here: a link to a parent would never end.
    for (const entry of entries(folder))
      if (entry.isDirectory() && !hidden(entry.name)) yield* walk(join(folder, entry.name), segments);
    return;
  }
  const names = isMagic(head)
    ? entries(folder)
        .map((e) => e.name)
        .filter(segmentMatcher(head))
    : [head];
  for (const name of names) {
    const path = join(folder, name);
    if (rest.length > 0) yield* walk(path, rest);
    else if (isFile(path)) yield path;
  }
}

function entries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // not there, not a folder, not ours to read: nothing matches in it
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // not there, or below something that is no folder
  }
}

function matchSegments(pattern: readonly string[], path: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return path.length === 0;
  if (head === "**") return path.some((_, i) => matchSegments(rest, path.slice(i)));
  return path.length > 0 && segmentMatcher(head)(path[0]!) && matchSegments(rest, path.slice(1));
}

/** One folder's or file's name against one segment. A leading dot must be written out. */
function segmentMatcher(segment: string): (name: string) => boolean {
  const source = segment.replace(/\[(!?)([^\]]+)\]|[*?]|[\\^$.|+(){}[\]]/g, (whole, not, set) => {
    if (set !== undefined) return `[${not ? "^" : ""}${set.replace(/[\\^[\]]/g, "\\$&")}]`;
    return whole === "*" ? ".*" : whole === "?" ? "." : `\\${whole}`;
  });
  const rule = compile(source, segment);
  return (name) => rule.test(name) && (!hidden(name) || segment.startsWith("."));
}

function compile(source: string, segment: string): RegExp {
  try {
    return new RegExp(`^${source}$`, "su");
  } catch {
    throw new UserError(
      `the file pattern "${segment}" cannot be read: is a range in [...] the wrong way round?`,
    );
  }
}

/** `a{b,c}d` -> `abd`, `acd`; nested braces unfold from the inside. */
function expandBraces(pattern: string): readonly string[] {
  const inner = /\{([^{}]*,[^{}]*)\}/.exec(pattern);
  if (inner === null) return [pattern];
  const before = pattern.slice(0, inner.index);
  const after = pattern.slice(inner.index + inner[0].length);
  return inner[1]!.split(",").flatMap((choice) => expandBraces(before + choice + after));
}

function isMagic(segment: string): boolean {
  return /[*?[]/.test(segment);
}

function hidden(name: string): boolean {
  return name.startsWith(".");
}
