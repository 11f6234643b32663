/** A config file and command-line overrides -> what they say together. Values are checked once runs are known. */
import { basename, dirname } from "node:path";
import { type Assignment, type Axis, readAxes } from "./axes.ts";
import { type Diagnostic, keyText, throwDiagnostics } from "./diagnostics.ts";
import { type Expectation, readExpectations } from "./expect.ts";
import { assign, follow, type Mapping, plain, type SourceLocation, without } from "./located.ts";
import { overrideAxes } from "./override-axes.ts";
import { isOverride, type Override, parseOverride } from "./overrides.ts";
import { readFile } from "./read-file.ts";
import { isPipe } from "./read-text.ts";
import { type Issue, type Resolved, resolve } from "./resolve.ts";
import { FILE_KEYS, type ModelRunConfig, type SectionName } from "./schema.ts";
import { show } from "./wording.ts";

/** A file read, not yet resolved: `diagnostics` are those of the file itself and await those of its runs. */
export interface ConfigFile {
  /** Of the sweep: a word that is safe as a folder's name. */
  readonly name: string;
  readonly description?: string;
  /** As the user wrote it. */
  readonly file: string;
  /** Where relative paths of `data:` start. */
  readonly baseDir: string;
  /** What all runs share, before the axes. */
  readonly base: Mapping;
  readonly axes: readonly Axis[];
  /** Overrides of single values: they come last. */
  readonly fixed: readonly Assignment[];
  readonly expected: Expected;
  readonly diagnostics: readonly Diagnostic[];
}

/** What the file expects of its sweep. */
export interface Expected {
  readonly expectations: readonly Expectation[];
  /** Where mistakes of `expect:` are found. */
  readonly tree: Mapping;
  /** The sweep that it speaks of: the file's, whatever the command line makes of it. */
  readonly own: SweptTree;
}

/** What trees of runs are made of. */
export type SweptTree = Pick<ConfigFile, "base" | "axes" | "fixed">;

export function readConfig(file: string, overrides: readonly string[]): ConfigFile {
  const diagnostics: Diagnostic[] = [];
  const parsed = overrides.map(parseOverride);
  diagnostics.push(...parsed.filter((p): p is Diagnostic => !isOverride(p)));
  const ofFile = readFile(file, diagnostics);
  let tree = ofFile;
  const ofRuns: Override[] = [];
  for (const override of parsed.filter(isOverride)) {
    const aboutFile = FILE_KEYS.some((key) => key === override.path[0]);
    if (aboutFile) tree = assign(tree, override.path, entryOf(override));
    else ofRuns.push(override);
  }

  const sweep = tree.entries.get("sweep");
  let axes = readAxes(sweep, diagnostics);
  const ownSweep = ofFile.entries.get("sweep");
  const ownAxes = ownSweep === sweep ? axes : readAxes(ownSweep, []);
  let fixed: readonly Assignment[] = [];
  diagnostics.push(...undoneAxes(ofRuns));
  for (const override of ofRuns) {
    fixed = fixed.filter(({ key }) => key !== override.key && !key.startsWith(`${override.key}.`));
    const zip = axes.some(({ keys }) => keys.length > 1 && keys.includes(override.key));
    axes = overrideAxes(axes, override, diagnostics);
    if (override.values.length === 1 && !zip)
      fixed = [...fixed, { key: override.key, entry: entryOf(override) }];
  }
  const expect = tree.entries.get("expect");
  const { expectations, issues } = readExpectations(expect && plain(expect.value));
  diagnostics.push(...issues.map((issue) => diagnosticOf(tree, issue)));
  const description = textOf(tree, "description", diagnostics);
  return {
    name: sweepName(tree, file, diagnostics),
    ...(description === undefined ? {} : { description }),
    file,
    baseDir: isPipe(file) ? "." : dirname(file),
    base: without(tree, FILE_KEYS),
    axes,
    fixed,
    expected: {
      expectations,
      tree,
      own: { base: without(ofFile, FILE_KEYS), axes: ownAxes, fixed: [] },
    },
    diagnostics,
  };
}

/** The last override wins over what lies below it; that an axis is undone so is no one's intent. */
const undoneAxes = (overrides: readonly Override[]): readonly Diagnostic[] =>
  overrides.flatMap((axis, i) => {
    const later =
      axis.values.length > 1 && overrides.slice(i + 1).find(({ key }) => axis.key.startsWith(`${key}.`));
    if (!later) return [];
    const message = `would undo ${axis.written} before it; give ${later.key} first`;
    return [{ place: later.values[0]!.place, key: later.key, message }];
  });

/** Whether the command line leaves the axes as the file has them. */
export const isOwnSweep = ({ axes, expected: { own } }: ConfigFile): boolean =>
  axes.length === own.axes.length && axes.every((axis, i) => axis === own.axes[i]);

/** The tree of a run: the base, then the axes' values and the overrides, from the shortest key to the longest. */
export function treeOf(config: SweptTree, assignments: readonly Assignment[]): Mapping {
  const depth = ({ key }: Assignment) => key.split(".").length;
  const ordered = [...assignments, ...config.fixed].sort((a, b) => depth(a) - depth(b));
  return ordered.reduce((tree, { key, entry }) => assign(tree, key.split("."), entry), config.base);
}

/** Resolves a run's tree; its issues become mistakes at the places where its values were written. */
export function resolveTree(
  tree: Mapping,
  needed?: readonly SectionName[],
): Resolved & { readonly diagnostics: readonly Diagnostic[] } {
  const resolved = resolve(plain(tree) as Record<string, unknown>, needed);
  return { ...resolved, diagnostics: resolved.issues.map((issue) => diagnosticOf(tree, issue)) };
}

export function diagnosticOf(tree: Mapping, { path, message, atKey, input }: Issue): Diagnostic {
  const { node, key, depth } = follow(tree, path);
  const found = depth === path.length;
  // What is missing inside a mapping is said of the missing key; a bare value has no inside.
  const shown = found || node.kind === "mapping" ? path : path.slice(0, depth);
  const place: SourceLocation = found && !atKey ? node.place : depth === 0 ? tree.place : key;
  const quotable = input !== undefined && (typeof input !== "object" || input === null);
  const got = quotable && !message.includes("got ") ? `, got ${show(input)}` : "";
  return {
    place: atKey || !found || node.kind !== "mapping" ? place : key,
    key: keyText(shown),
    message: message + got,
  };
}

/** What `step` and `explain` need: the other sections may be absent, and are checked where they are there. */
export function loadModelConfig(file: string, overrides: readonly string[]): ModelRunConfig {
  const config = readConfig(file, overrides);
  const several = config.axes.filter(({ keys, rows }) => rows.length > 1 && keys.some(ofModel));
  const undecided = several.map(({ keys, place, rows }): Diagnostic => {
    const example = plain(rows[0]![0]!.entry.value);
    const choice = `${keys[0]}=${typeof example === "object" ? JSON.stringify(example) : example}`;
    const message = `expected one value, but several are swept here; choose one, such as ${choice}`;
    return { place, key: keys.join(", "), message };
  });
  const firstRows = config.axes.flatMap(({ rows }) => rows[0] ?? []);
  const needed: readonly SectionName[] = several.length > 0 ? [] : ["engine", "norm", "model"];
  const { config: resolved, diagnostics } = resolveTree(treeOf(config, firstRows), needed);
  throwDiagnostics([...config.diagnostics, ...undecided, ...diagnostics]);
  const { engine, norm, model, init } = resolved as ModelRunConfig;
  return Object.freeze({ engine, norm, model, init });
}

const ofModel = (key: string): boolean => ["engine", "norm", "model", "init"].includes(key.split(".")[0]!);

const entryOf = ({ values }: Override) => ({ place: values[0]!.place, value: values[0]! });

function textOf(tree: Mapping, key: string, diagnostics: Diagnostic[]): string | undefined {
  const value = tree.entries.get(key)?.value;
  if (value === undefined) return undefined;
  if (value.kind === "scalar" && typeof value.value === "string") return value.value;
  diagnostics.push({ place: value.place, key, message: `expected text, got ${show(plain(value))}` });
  return undefined;
}

/** `name:`, or the file's own name without its ending. */
function sweepName(tree: Mapping, file: string, diagnostics: Diagnostic[]): string {
  const given = textOf(tree, "name", diagnostics);
  if (given === undefined && isPipe(file)) {
    const message = "missing; a config that is read from a pipe has no file name to be called by";
    diagnostics.push({ place: tree.place, key: "name", message });
    return "sweep";
  }
  const name = given ?? basename(file).replace(/\.ya?ml$/, "");
  if (/^[A-Za-z0-9][\w.-]{0,79}$/.test(name)) return name;
  const message = `expected letters, digits, dots, dashes and underscores, got ${show(name)}`;
  diagnostics.push({ place: tree.entries.get("name")?.value.place ?? tree.place, key: "name", message });
  return "sweep";
}
