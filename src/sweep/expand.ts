/** A config file -> all of its runs, before the first one starts: grid times zip times seeds, equal runs once. Pure. */
import type { Assignment, Axis } from "../config/axes.ts";
import { type ConfigFile, readConfig, resolveTree, treeOf } from "../config/load.ts";
import { plain } from "../config/located.ts";
import { type Mistake, throwMistakes } from "../config/mistakes.ts";
import type { RunConfig } from "../config/schema.ts";
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
}

/** More runs than this are surely a slip. */
const MAX_RUNS = 10_000;

export const loadSweep = (file: string, overrides: readonly string[]): Sweep =>
  expand(readConfig(file, overrides));

/** Throws every mistake of the file and of all its runs at once. */
export function expand(config: ConfigFile): Sweep {
  const mistakes: Mistake[] = [...config.mistakes];
  const total = config.axes.reduce((product, { rows }) => product * rows.length, 1);
  if (total > MAX_RUNS) {
    const message = `${total} runs; at most ${MAX_RUNS} are allowed`;
    throwMistakes([...mistakes, { place: config.axes[0]!.place, key: "sweep", message }]);
  }
  const points = combinations(config.axes);
  const resolved = points.map((assignments) => {
    const { config: run, mistakes: inside } = resolveTree(treeOf(config, assignments));
    mistakes.push(...inside);
    return { factors: factorsOf(assignments), config: run as RunConfig };
  });
  throwMistakes(mistakes);

  const identityOf = identities();
  const all = resolved.map((run) => ({ ...run, id: identityOf(run.config) }));
  const first = new Map(all.toReversed().map((run) => [run.id, run]));
  const distinct = all.filter((run) => first.get(run.id) === run);
  const names = nameRuns(distinct);
  const nameOf = new Map(distinct.map((run, i) => [run.id, names[i]!]));
  const { name, description, file, baseDir } = config;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    file,
    baseDir,
    factors: config.axes.flatMap(({ keys }) => keys),
    runs: distinct.map((run) => ({ name: nameOf.get(run.id)!, ...run })),
    duplicates: all
      .filter((run) => first.get(run.id) !== run)
      .map(({ factors, id }) => ({ factors, sameAs: nameOf.get(id)! })),
  };
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
