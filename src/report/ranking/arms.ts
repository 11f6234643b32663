/**
 * The arms of a sweep: what it compares. An arm is the runs that differ in their seed alone. No numbers here: evidence.ts.
 */
import { SEED } from "../../config/axes.ts";
import { isPlainObject } from "../../config/selection.ts";
import { canonicalJson } from "../../sweep/identity.ts";
import type { RankedRun } from "./ranking.ts";

export interface Arm {
  /** Unique among the arms: `mix-ln alpha 0.25, lr 0.001`; the sweep's name where nothing but seeds is swept. */
  readonly label: string;
  /** Swept key -> value, without train.seed. */
  readonly factors: Factors;
  /** In the order of the sweep. */
  readonly runs: readonly RankedRun[];
}

type Factors = Readonly<Record<string, unknown>>;

/** undefined where no seed is swept. */
export const seedOf = ({ factors }: { readonly factors: Factors }): unknown => factors[SEED];

/** In the order in which each first appears. */
export function armsOf(runs: readonly RankedRun[], sweepName: string): readonly Arm[] {
  return groupArms(runs, sweepName);
}

/** The same of anything that has factors, such as runs that were never started. */
export function groupArms<R extends { readonly factors: Factors }>(
  runs: readonly R[],
  sweepName: string,
): readonly { readonly label: string; readonly factors: Factors; readonly runs: readonly R[] }[] {
  const groups = new Map<string, { readonly factors: Factors; readonly runs: R[] }>();
  for (const run of runs) {
    const factors = withoutSeed(run.factors);
    const key = JSON.stringify(factors); // equal values are written alike: they come from one place of the sweep
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { factors, runs: [run] });
    else group.runs.push(run);
  }
  const arms = [...groups.values()];
  const labels = armLabels(
    arms.map(({ factors }) => factors),
    sweepName,
  );
  return arms.map((arm, i) => ({ label: labels[i]!, ...arm }));
}

const withoutSeed = (factors: Factors): Factors =>
  Object.fromEntries(Object.entries(factors).filter(([key]) => key !== SEED));

/** One label per arm, in words; as exact keys and values where two would read the same. */
function armLabels(all: readonly Factors[], sweepName: string): readonly string[] {
  const said = shortKeys([...new Set(all.flatMap((factors) => Object.keys(factors)))]);
  const inWords = all.map((factors) =>
    Object.entries(factors)
      .map(([key, value]) => valueWords(said.get(key)!, value))
      .join(", "),
  );
  const labels = new Set(inWords).size === all.length ? inWords : all.map(exactly);
  return labels.map((label) => label || sweepName);
}

const exactly = (factors: Factors): string =>
  Object.entries(factors)
    .map(([key, value]) => `${key}=${canonicalJson(value)}`)
    .join(", ");

/** Each dotted key by its last words, as few as tell it from the others. */
function shortKeys(keys: readonly string[]): ReadonlyMap<string, string> {
  const end = (key: string, words: number) => key.split(".").slice(-words).join(".");
  const alone = (key: string, words: number) =>
    keys.every((other) => other === key || end(other, words) !== end(key, words));
  return new Map(
    keys.map((key) => {
      const lengths = key.split(".").map((_, i) => i + 1);
      return [key, end(key, lengths.find((words) => alone(key, words)) ?? lengths.length)];
    }),
  );
}

/** `lr` 0.0005 -> `lr 0.0005`; a NAME speaks for itself; `{name: mix-ln, alpha: 0.25}` -> `mix-ln alpha 0.25`. */
function valueWords(key: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (!isPlainObject(value)) return withKey(key, value);
  const { name, preset, ...own } = value;
  const chosen = [name, preset].filter((word) => word !== undefined).map(String);
  const numbers = Object.entries(own).map(([inner, of]) => withKey(inner, of));
  return [...(chosen.length > 0 ? chosen : [key]), ...numbers].join(" ");
}

/** A swept value in a column of its own: `mix-ln alpha 0.25`, `0.001`. */
export const plainFactor = (key: string, value: unknown): string =>
  typeof value === "object" && value !== null ? valueWords(key, value) : String(value);

const withKey = (key: string, value: unknown): string => {
  if (typeof value === "object" && value !== null) return `${key} ${JSON.stringify(value)}`;
  return `${key} ${value ?? "none"}`;
};
