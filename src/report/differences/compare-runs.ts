/**
 * Why two runs are two: the fields of their configs that decide results and differ. And what else differs: fields that
 * do not count, and where their numbers come from, which tells why runs of one id can have different numbers. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { type FieldPath, fieldAt, fieldPaths, uniquePaths } from "../../config/fields.ts";
import type { RunConfig } from "../../config/schema.ts";
import { essentialFields, identityFields } from "../../sweep/identity.ts";

/** A run, or a run that a config would make. */
export interface ComparedRun {
  /** What the user may call it. */
  readonly name: string;
  readonly id: string;
  readonly config: RunConfig;
  /** What provenance.json holds; absent where it was never started. */
  readonly provenance?: unknown;
}

/** One side of a difference; `value` undefined: there is no such field. */
export interface Side {
  readonly value: unknown;
  /** It is not written out, and means this. */
  readonly isDefault: boolean;
}

export interface Difference {
  /** `train.lr` */
  readonly key: string;
  readonly a: Side;
  readonly b: Side;
}

export interface Comparison {
  readonly same: boolean;
  /** Fields that make the ids differ. */
  readonly identityFields: readonly Difference[];
  /** Fields that differ and do not count. */
  readonly otherFields: readonly Difference[];
  /** Facts of the machine, the code and the data; none where one of the two was never started. */
  readonly provenance: readonly Difference[];
}

/** What of provenance.json can change a run's numbers, the likeliest first. */
const ORIGINS = [
  "data.fingerprint",
  "first_batches_sha256",
  "validation.sha256",
  "evaluation_sets",
  "engine.name",
  "engine.detail",
  "device",
  "hnorm",
  "git.commit",
  "git.dirty",
  "node",
  "platform",
  "cpu",
  "cpus",
].map((key) => key.split("."));

export function compareRuns(a: ComparedRun, b: ComparedRun): Comparison {
  const [countedA, countedB] = [identityFields(a.config), identityFields(b.config)];
  const counted = new Set(
    uniquePaths(fieldPaths(countedA), fieldPaths(countedB)).map((path) => path.join(".")),
  );
  const others = uniquePaths(fieldPaths(a.config), fieldPaths(b.config)).filter(
    (path) => !counted.has(path.join(".")),
  );
  const started = a.provenance !== undefined && b.provenance !== undefined;
  return {
    same: a.id === b.id,
    identityFields: identityDifferences(a, b),
    otherFields: differences(others, plainSide(a.config), plainSide(b.config)),
    provenance: started ? differences(ORIGINS, plainSide(a.provenance), plainSide(b.provenance)) : [],
  };
}

/** The fields that make two ids differ, in the order of a config. */
export function identityDifferences(
  a: Pick<ComparedRun, "config">,
  b: Pick<ComparedRun, "config">,
): readonly Difference[] {
  const [writtenA, writtenB] = [essentialFields(a.config), essentialFields(b.config)];
  const side =
    (written: unknown, config: RunConfig) =>
    (path: FieldPath): Side => ({
      value: fieldAt(config, path),
      isDefault: fieldAt(written, path) === undefined,
    });
  const sections = Object.keys({ ...a.config, ...b.config });
  const place = ([section]: FieldPath) => sections.indexOf(section!);
  const paths = uniquePaths(fieldPaths(writtenA), fieldPaths(writtenB)).toSorted(
    (x, y) => place(x) - place(y),
  );
  return differences(paths, side(writtenA, a.config), side(writtenB, b.config));
}

const plainSide =
  (of: unknown) =>
  (path: FieldPath): Side => ({ value: fieldAt(of, path), isDefault: false });

function differences(
  paths: readonly FieldPath[],
  a: (path: FieldPath) => Side,
  b: (path: FieldPath) => Side,
): readonly Difference[] {
  return paths
    .map((path) => ({ key: path.join("."), a: a(path), b: b(path) }))
    .filter((found) => !isDeepStrictEqual(found.a.value, found.b.value));
}
