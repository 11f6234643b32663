/** A value that a file gives a key and sweeps away again: `norm: mix-ln` beside `sweep: { grid: { norm: [pre, post] } }`. */
import { isDeepStrictEqual } from "node:util";
import type { Axis } from "./axes.ts";
import { diagnosticText } from "./diagnostics.ts";
import type { ConfigFile } from "./load.ts";
import { follow, plain } from "./located.ts";
import { selected } from "./override-axes.ts";

/** A line for each such key. Not where file and axis were written apart: then replacing it is what the axis is for. */
export const overridden = ({ axes, base }: Pick<ConfigFile, "axes" | "base">): readonly string[] =>
  axes.flatMap((axis) => axis.keys.flatMap((key, i) => overriddenKey(base, axis, key, i)));

function overriddenKey(base: ConfigFile["base"], { place, rows }: Axis, key: string, at: number): string[] {
  const path = key.split(".");
  const { node, key: written, depth } = follow(base, path);
  if (depth < path.length || written.source !== place.source || written.line === 0) return [];
  const value = plain(node);
  const swept = rows.map((row) => plain(row[at]!.entry.value));
  if (swept.some((other) => isDeepStrictEqual(selected(other), selected(value)))) return [];
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const message = `${text} is trained by no run: the sweep of ${key} replaces it`;
  return [diagnosticText({ place: written, key, message })];
}
