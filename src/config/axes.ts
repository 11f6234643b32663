/**
 * The `sweep:` section as axes: each key of `grid` is one, all of `zip` together are one, `seeds` is one over
 * train.seed. Multiplying them is the sweep room's work.
 */

import type { Diagnostic } from "./diagnostics.ts";
import { type Entry, type Located, type Mapping, plain, type SourceLocation } from "./located.ts";
import { sectionNames } from "./schema.ts";
import { didYouMean, show, unknownKey } from "./wording.ts";

/** A value that a run puts at a dotted key. */
export interface Assignment {
  readonly key: string;
  readonly entry: Entry;
}

export interface Axis {
  readonly keys: readonly string[];
  readonly place: SourceLocation;
  /** One assignment per key. */
  readonly rows: readonly (readonly Assignment[])[];
}

/** The key that runs of one arm differ in. */
export const SEED = "train.seed";

/** The key that an arm may be tuned in: it is compared at its best one. */
export const LEARNING_RATE = "train.lr";

export function readAxes(section: Entry | undefined, diagnostics: Diagnostic[]): readonly Axis[] {
  if (section === undefined) return [];
  const wrong = (place: SourceLocation, key: string, message: string) =>
    void diagnostics.push({ place, key, message });
  const sweep = asMapping(section, "sweep", wrong);
  if (sweep === undefined) return [];
  const allowed = ["grid", "zip", "seeds"];
  for (const [key, { place }] of sweep.entries) {
    if (!allowed.includes(key)) wrong(place, `sweep.${key}`, unknownKey(key, allowed));
  }
  const grid = columns(sweep.entries.get("grid"), "sweep.grid", wrong);
  const zip = columns(sweep.entries.get("zip"), "sweep.zip", wrong);
  const seeds = readSeeds(sweep.entries.get("seeds"), wrong);
  const axes = [
    ...grid.map(({ key, place, values }) =>
      axis(
        [key],
        place,
        values.map((v) => [v]),
      ),
    ),
  ];
  if (zip.length > 0) axes.push(...zipped(zip, wrong));
  if (seeds !== undefined) axes.push(seeds);
  return distinct(axes, wrong);
}

type Wrong = (place: SourceLocation, key: string, message: string) => void;

interface Column {
  readonly key: string;
  readonly place: SourceLocation;
  readonly values: readonly Entry[];
}

export const axis = (
  keys: readonly string[],
  place: SourceLocation,
  rows: readonly (readonly Entry[])[],
): Axis => ({
  keys,
  place,
  rows: rows.map((row) => row.map((entry, i) => ({ key: keys[i]!, entry }))),
});

function asMapping(entry: Entry, key: string, wrong: Wrong): Mapping | undefined {
  if (entry.value.kind === "mapping") return entry.value;
  wrong(entry.value.place, key, `expected a mapping, got ${show(plain(entry.value))}`);
  return undefined;
}

/** The `dotted.key: [values]` of grid or zip. */
function columns(entry: Entry | undefined, where: string, wrong: Wrong): readonly Column[] {
  const mapping = entry && asMapping(entry, where, wrong);
  return [...(mapping?.entries ?? [])].flatMap(([key, { place, value }]) => {
    const [root] = key.split(".");
    if (!sectionNames.some((name) => name === root)) {
      const near = didYouMean(root, sectionNames);
      wrong(
        place,
        `${where}.${key}`,
        `sweeps no known key; it must begin with one of ${sectionNames.join(", ")}${near}`,
      );
      return [];
    }
    if (value.kind !== "sequence" || value.items.length === 0) {
      const got = value.kind === "sequence" ? "an empty list" : show(plain(value));
      wrong(value.place, `${where}.${key}`, `expected a list of values, got ${got}`);
      return [];
    }
    return [{ key, place, values: value.items.map((item) => ({ place, value: item })) }];
  });
}

function zipped(zip: readonly Column[], wrong: Wrong): readonly Axis[] {
  const lengths = zip.map(({ key, values }) => `${key} has ${values.length}`);
  const [first] = zip as [Column];
  if (zip.some(({ values }) => values.length !== first.values.length)) {
    wrong(first.place, "sweep.zip", `zipped lists must have equal lengths: ${lengths.join(", ")}`);
    return [];
  }
  const rows = first.values.map((_, i) => zip.map(({ values }) => values[i]!));
  return [
    axis(
      zip.map(({ key }) => key),
      first.place,
      rows,
    ),
  ];
}

/** `seeds: 3` is 1, 2, 3; or a list of seeds. */
function readSeeds(entry: Entry | undefined, wrong: Wrong): Axis | undefined {
  if (entry === undefined) return undefined;
  const { place, value } = entry;
  const seeds = (items: readonly Located[]) =>
    axis(
      [SEED],
      place,
      items.map((item) => [{ place, value: item }]),
    );
  if (value.kind === "sequence" && value.items.length > 0) return seeds(value.items);
  const n = value.kind === "scalar" && typeof value.value === "number" ? value.value : 0;
  if (Number.isInteger(n) && n >= 1 && n <= 10_000) {
    return seeds(Array.from({ length: n }, (_, i) => ({ kind: "scalar", place: value.place, value: i + 1 })));
  }
  wrong(
    value.place,
    "sweep.seeds",
    `expected a number of seeds or a list of seeds, got ${show(plain(value))}`,
  );
  return undefined;
}

/** The axes, if no key is swept twice. */
function distinct(axes: readonly Axis[], wrong: Wrong): readonly Axis[] {
  const seen = new Set<string>();
  return axes.filter(({ keys, place }) => {
    const twice = keys.find((key) => seen.has(key));
    for (const key of keys) seen.add(key);
    if (twice !== undefined) wrong(place, "sweep", `${twice} is swept twice`);
    return twice === undefined;
  });
}
