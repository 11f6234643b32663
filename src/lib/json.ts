/**
 * JSON whose numbers may be any: what JSON has no form for is written as the CSV files have it, "nan", "inf", "-inf". The
 * null that JSON.stringify makes of such a number, and former versions wrote, reads as NaN.
 */
import { cell, numberIn } from "./csv.ts";

export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(
    value,
    (_, inner: unknown) => (typeof inner === "number" && !Number.isFinite(inner) ? cell(inner) : inner),
    indent,
  );

/** As csv.ts spells them. */
const NOT_FINITE = /^(nan|-?inf)$/;

/** The number that a field of such JSON holds; undefined where it holds something else. */
export function jsonNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (value === null) return Number.NaN;
  return typeof value === "string" && NOT_FINITE.test(value) ? numberIn(value) : undefined;
}

/** Mappings and lists whose leaves are all numbers, as they were before they were written. */
export function jsonNumbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(jsonNumbers);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonNumbers(inner)]));
  return jsonNumber(value) ?? value;
}
