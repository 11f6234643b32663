/** The resolved config as YAML that means the same when it is read again: what all runs share, then the axes. */
import { isDeepStrictEqual } from "node:util";
import { stringify } from "yaml";
import type { Axis } from "./axes.ts";
import { type ConfigFile, isOwnSweep } from "./load.ts";
import { plain } from "./located.ts";
import type { RunConfig } from "./schema.ts";
import { isPlainObject } from "./selection.ts";

/** `runs`: the resolved configs of all of the file's runs. */
export function showConfig(config: ConfigFile, runs: readonly RunConfig[]): string {
  const { name, description, axes, expected } = config;
  // Of another sweep than the file's own it would speak of arms that are not there.
  const expect = isOwnSweep(config) ? expected.tree.entries.get("expect") : undefined;
  const common = runs.reduce<unknown>(
    (shared, run) => intersection(shared, run),
    runs[0],
  ) as Partial<RunConfig>;
  const shown = {
    name,
    ...(description === undefined ? {} : { description }),
    ...common,
    ...(common.train === undefined ? {} : { train: withLength(common.train, config) }),
    ...(axes.length === 0 ? {} : { sweep: sweepSection(axes) }),
    ...(expect === undefined ? {} : { expect: plain(expect.value) }),
  };
  return stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false });
}

const NOTHING = Symbol("nothing in common");

/** What two values have in common; of two different things of a kind, nothing, and of lists only what is in every item. */
function intersection(a: unknown, b: unknown): unknown {
  if (isDeepStrictEqual(a, b)) return a;
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    const items = a.map((item, i) => intersection(item, b[i]));
    return items.includes(NOTHING) ? NOTHING : items;
  }
  if (!isPlainObject(a) || !isPlainObject(b) || a.name !== b.name) return NOTHING;
  const entries = Object.keys(a).map((key) => [key, intersection(a[key], b[key])] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== NOTHING && value !== undefined));
}

/** Runs of different batches or contexts may share neither steps nor tokens: then the file's own words stand. */
function withLength(train: Partial<RunConfig["train"]>, config: ConfigFile): unknown {
  if (train.steps !== undefined || train.tokens !== undefined) return train;
  const written = (plain(config.base) as { train?: { steps?: unknown; tokens?: unknown } }).train ?? {};
  const { steps, tokens } = written;
  return { ...(steps === undefined ? {} : { steps }), ...(tokens === undefined ? {} : { tokens }), ...train };
}

function sweepSection(axes: readonly Axis[]): unknown {
  const columns = (some: readonly Axis[]) =>
    Object.fromEntries(
      some.flatMap(({ keys, rows }) =>
        keys.map((key, i) => [key, rows.map((row) => plain(row[i]!.entry.value))]),
      ),
    );
  const [grid, zip] = [
    axes.filter(({ keys }) => keys.length === 1),
    axes.filter(({ keys }) => keys.length > 1),
  ];
  return {
    ...(grid.length > 0 ? { grid: columns(grid) } : {}),
    ...(zip.length > 0 ? { zip: columns(zip) } : {}),
  };
}
