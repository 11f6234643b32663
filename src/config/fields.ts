/** A config as a list of its fields: the path of each value that is no mapping. Items of a list of mappings have numbers. */
import { isPlainObject } from "./selection.ts";

export type FieldPath = readonly string[];

/** Paths of all leaves, in the order they are written; any other list is one leaf, and so is an empty mapping. */
export function fieldPaths(value: unknown, above: FieldPath = []): readonly FieldPath[] {
  const entries = isPlainObject(value) || isListOfMappings(value) ? Object.entries(value) : [];
  if (entries.length === 0) return above.length === 0 ? [] : [above];
  return entries.flatMap(([key, inner]) => fieldPaths(inner, [...above, key]));
}

/** The value there, or undefined. */
export const fieldAt = (value: unknown, path: FieldPath): unknown =>
  path.reduce<unknown>(
    (at, key) =>
      (isPlainObject(at) || isListOfMappings(at)) && Object.hasOwn(at, key)
        ? (at as Readonly<Record<string, unknown>>)[key]
        : undefined,
    value,
  );

/** Such as the groups of an optimizer. */
export const isListOfMappings = (value: unknown): value is readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) && value.every(isPlainObject);

/** Paths of several lists, each once, in the order of their first mention. */
export const uniquePaths = (...lists: readonly (readonly FieldPath[])[]): readonly FieldPath[] => [
  ...new Map(lists.flat().map((path) => [JSON.stringify(path), path])).values(),
];
