/** A config file -> all of its runs, before the first one starts: grid times zip times seeds, equal runs once. Pure. */
import type { Assignment, Axis } from "../config/axes.ts";
import { type Diagnostic, throwDiagnostics } from "../config/diagnostics.ts";
import {
  type ConfigFile,
  diagnosticOf,
  isOwnSweep,
  readConfig,
  resolveTree,
  type SweptTree,
  treeOf,
} from "../config/load.ts";
import { plain } from "../config/located.ts";
import { overridden } from "../config/overridden.ts";
import type { RunConfig } from "../config/schema.ts";
import type { SweepPoint } from "./arm-pattern.ts";
import { type BoundExpectation, bindExpectations } from "./expected-arms.ts";
import { identities } from "./identity.ts";
import { nameRuns } from "./naming.ts";

/** What the axes put where: dotted key -> value, in the order of the axes. */
export type Factors = Readonly<Record<string, unknown>>;

export interface Run {
  /** Every swept factor and a piece of the id; a folder's name, unique in its sweep. */
  readonly name: string;
  /** sha256 in hex over what decides the run's results. */
  readonly id: string;
  readonly factors: Factors;
  readonly config: RunConfig;
}

/** A combination that means the same as an earlier run. */
export interface Duplicate {
  readonly factors: Factors;
  /** The name of that run. */
  readonly sameAs: string;
}

export interface Sweep {
  readonly name: string;
  readonly description?: string;
  /** The YAML file as the user wrote it. */
  readonly file: string;
  /** Where relative paths of `data:` start. */
  readonly baseDir: string;
  /** The swept keys, in the order of the axes. */
  readonly factors: readonly string[];
  readonly runs: readonly Run[];
  readonly duplicates: readonly Duplicate[];
  /** What the file gives a key that it sweeps, where no run has it: a line each. */
  readonly overridden: readonly string[];
  /** Absent where the file expects nothing. */
  readonly expectations?: readonly BoundExpectation[];
}

/** More runs than this are surely a slip. */
const MAX_RUNS = 10_000;

export const loadSweep = (file: string, overrides: readonly string[]): Sweep =>
  expand(readConfig(file, overrides));

/** Throws every mistake of the file and of all its runs at once. */
export function expand(config: ConfigFile): Sweep {
  const diagnostics: Diagnostic[] = [...config.diagnostics];
  const { expectations, tree, own } = config.expected;
  const needed = expectations.length === 0 ? [config] : [config, own];
  const total = Math.max(...needed.map(({ axes }) => axes.reduce((n, { rows }) => n * rows.length, 1)));
  if (total > MAX_RUNS) {
    const message = `${total} runs; at most ${MAX_RUNS} are allowed`;
    throwDiagnostics([
      ...diagnostics,
      { place: (config.axes[0] ?? own.axes[0])!.place, key: "sweep", message },
    ]);
  }
  const resolved = resolvedPoints(config, diagnostics) as readonly Omit<Run, "name" | "id">[];
  diagnostics.push(...sweptRanking(config, resolved));
  const ownPoints = expectations.length === 0 || isOwnSweep(config) ? resolved : resolvedPoints(own, []);
  const { issues } = bindExpectations(expectations, ownPoints, []);
  throwDiagnostics([...diagnostics, ...issues.map((issue) => diagnosticOf(tree, issue))]);

  const identityOf = identities();
  const all = resolved.map((run) => ({ ...run, id: identityOf(run.config) }));
  const first = new Map(all.toReversed().map((run) => [run.id, run]));
  const distinct = all.filter((run) => first.get(run.id) === run);
  const names = nameRuns(distinct);
  const nameOf = new Map(distinct.map((run, i) => [run.id, names[i]!]));
  const { name, description, file, baseDir } = config;
  const runs = distinct.map((run) => ({ name: nameOf.get(run.id)!, ...run }));
  const { bound } = bindExpectations(expectations, ownPoints, runs);
  return {
    name,
    ...(description === undefined ? {} : { description }),
    file,
    baseDir,
    factors: config.axes.flatMap(({ keys }) => keys),
    runs,
    duplicates: all
      .filter((run) => first.get(run.id) !== run)
      .map(({ factors, id }) => ({ factors, sameAs: nameOf.get(id)! })),
    overridden: overridden(config),
    ...(bound.length === 0 ? {} : { expectations: bound }),
  };
}

/** What the axes make of the tree; where there are mistakes, what can be said in spite of them. */
const resolvedPoints = (swept: SweptTree, diagnostics: Diagnostic[]): readonly SweepPoint[] =>
  combinations(swept.axes).map((assignments) => {
    const { config, diagnostics: inside } = resolveTree(treeOf(swept, assignments));
    diagnostics.push(...inside);
    return { factors: factorsOf(assignments), config };
  });

/** Runs are compared with each other, so all of them by the same metric. */
function sweptRanking({ axes, base }: ConfigFile, points: readonly SweepPoint[]): readonly Diagnostic[] {
  if (new Set(points.map(({ config }) => config.eval?.rank_by)).size < 2) return [];
  const axis = axes.find(({ keys }) => keys.some((key) => key === "eval" || key.startsWith("eval.")));
  const message = "a sweep is ranked by one metric; it cannot be swept";
  return [{ place: (axis ?? base).place, key: "eval.rank_by", message }];
}

/** The product of the axes; the last one varies fastest. */
export function combinations(axes: readonly Pick<Axis, "rows">[]): readonly (readonly Assignment[])[] {
  return axes.reduce<readonly (readonly Assignment[])[]>(
    (points, { rows }) => points.flatMap((point) => rows.map((row) => [...point, ...row])),
    [[]],
  );
}

const factorsOf = (assignments: readonly Assignment[]): Factors =>
  Object.freeze(Object.fromEntries(assignments.map(({ key, entry }) => [key, plain(entry.value)])));
