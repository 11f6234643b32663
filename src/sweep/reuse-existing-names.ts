/**
 * The runs of a sweep under the names of the folders they already have. A name has every swept key in it, so one key more
 * (seeds, as a rule) gives all runs other names; what they are, their id, is the same, and they are not trained again.
 */
import { existsSync, readdirSync } from "node:fs";
import { sweepFiles } from "../runs/paths.ts";
import { readStatus } from "../runs/status.ts";
import type { Run, Sweep } from "./expand.ts";

/** `dir`: the sweep's folder, which need not be there. */
export function reuseExistingNames(sweep: Sweep, dir: string): Sweep {
  const known = knownNames(sweep.runs, dir);
  if (known.size === 0) return sweep;
  const nameOf = (name: string) => known.get(name) ?? name;
  const { runs, duplicates, expectations } = sweep;
  const expected = expectations?.map(({ arms, ...rest }) => ({
    ...rest,
    arms: arms.map(({ arm, than }) => ({
      arm: arm.map(nameOf),
      ...(than === undefined ? {} : { than: than.map(nameOf) }),
    })),
  }));
  return {
    ...sweep,
    runs: runs.map((run) => ({ ...run, name: nameOf(run.name) })),
    duplicates: duplicates.map(({ sameAs, ...rest }) => ({ ...rest, sameAs: nameOf(sameAs) })),
    ...(expected === undefined ? {} : { expectations: expected }),
  };
}

/** What a name ends with: the beginning of the id. */
const HASH = /-([0-9a-f]{8})[0-9a-f]*$/;

/** The name a run would have -> the one it has. */
function knownNames(runs: readonly Run[], dir: string): ReadonlyMap<string, string> {
  const there = existsSync(dir) ? readdirSync(dir) : [];
  const own = new Set(runs.map(({ name }) => name));
  const others = new Map<string, string[]>();
  for (const name of there) {
    const hash = HASH.exec(name)?.[1];
    if (hash !== undefined && !own.has(name)) others.set(hash, [...(others.get(hash) ?? []), name]);
  }
  const has = new Set(there);
  const files = sweepFiles(dir);
  const found = runs.flatMap(({ name, id }): readonly (readonly [string, string])[] => {
    const candidates = has.has(name) ? [] : (others.get(id.slice(0, 8)) ?? []);
    const other = candidates.find((candidate) => readStatus(files.run(candidate))?.id === id);
    return other === undefined ? [] : [[name, other]];
  });
  return new Map(found);
}
