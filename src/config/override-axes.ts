/** The command line and the axes: what an override leaves of what the file sweeps. */
import { isDeepStrictEqual } from "node:util";
import { type Assignment, type Axis, axis } from "./axes.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { plain } from "./located.ts";
import type { Override } from "./overrides.ts";

/**
 * An override wins over what the file sweeps at its key or below: such an axis goes, or takes the new values. Of
 * zipped keys it picks the rows that hold its values, since the others' values belong to them.
 */
export function overrideAxes(
  axes: readonly Axis[],
  override: Override,
  diagnostics: Diagnostic[],
): readonly Axis[] {
  const { key, values } = override;
  const place = values[0]!.place;
  const swept = values.length > 1;
  const rows = values.map((value) => [{ place, value }]);
  let taken = false;
  const left = axes.flatMap((old): readonly Axis[] => {
    if (!old.keys.some((k) => k === key || k.startsWith(`${key}.`))) return [old];
    if (old.keys.length > 1 && old.keys.includes(key)) {
      taken = true;
      return pickRows(old, override, diagnostics);
    }
    const kept = old.keys.filter((k) => k !== key && !k.startsWith(`${key}.`));
    if (kept.length > 0)
      return [{ ...old, keys: kept, rows: old.rows.map((r) => r.filter((a) => kept.includes(a.key))) }];
    if (!swept || taken) return [];
    taken = true;
    return [axis([key], place, rows)];
  });
  return swept && !taken ? [...left, axis([key], place, rows)] : left;
}

function pickRows(zip: Axis, { key, values }: Override, diagnostics: Diagnostic[]): readonly Axis[] {
  const at = zip.keys.indexOf(key);
  const held = (row: readonly Assignment[]) => selected(plain(row[at]!.entry.value));
  const wanted = values.map((value) => selected(plain(value)));
  for (const [i, value] of wanted.entries()) {
    if (zip.rows.some((row) => isDeepStrictEqual(held(row), value))) continue;
    const others = zip.keys.filter((k) => k !== key).join(", ");
    const choices = zip.rows.map((row) => JSON.stringify(plain(row[at]!.entry.value))).join(", ");
    const message = `the file sweeps ${key} together with ${others}; pick one of its values: ${choices}`;
    diagnostics.push({ place: values[i]!.place, key, message });
  }
  return [
    { ...zip, rows: zip.rows.filter((row) => wanted.some((value) => isDeepStrictEqual(held(row), value))) },
  ];
}

/** NAME and {name: NAME} select the same. */
export const selected = (value: unknown): unknown => (typeof value === "string" ? { name: value } : value);
