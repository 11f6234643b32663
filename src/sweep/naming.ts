/**
 * Names of runs: every swept factor in a short readable form, then a piece of the id:
 * `mix-ln-alpha0.25-lr0.0005-seed2-3f9c2a1b`.
 */
import { isPlainObject } from "../config/selection.ts";

interface Named {
  readonly id: string;
  readonly factors: Readonly<Record<string, unknown>>;
}

const HASH_LENGTH = 8;
/** File systems allow 255 bytes; folders below and temporary suffixes need some of them. */
const MAX_FACTORS_LENGTH = 140;

/** One name per run; of runs with different ids no two are the same, even where case does not count. */
export function nameRuns(runs: readonly Named[]): readonly string[] {
  for (let length = HASH_LENGTH; ; length += 4) {
    const names = runs.map((run) => runName(run, length));
    if (length >= 64 || new Set(names.map((name) => name.toLowerCase())).size === runs.length) return names;
  }
}

function runName({ id, factors }: Named, hashLength: number): string {
  const words = Object.entries(factors).map(([key, value]) =>
    safe(factorText(key.split(".").at(-1)!, value)),
  );
  const text = words
    .filter((word) => word !== "")
    .join("-")
    .slice(0, MAX_FACTORS_LENGTH);
  return text === "" ? `run-${id.slice(0, hashLength)}` : `${text}-${id.slice(0, hashLength)}`;
}

/** `lr` 0.0005 -> `lr0.0005`; a NAME speaks for itself; `{name: mix-ln, alpha: 0.25}` -> `mix-ln-alpha0.25`. */
function factorText(key: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return `${key}${value}`;
  if (Array.isArray(value)) return [key, ...value.map((item) => factorText("", item))].join("-");
  if (!isPlainObject(value)) return `${key}-${value ?? "none"}`;
  const { name, preset, ...own } = value;
  const chosen = [name, preset].filter((word) => word !== undefined).map(String);
  return [...chosen, ...Object.entries(own).map(([k, v]) => factorText(k, v))].join("-");
}

/** Letters, digits and a few signs; never a leading dot or dash. */
const safe = (text: string): string => text.replace(/[^A-Za-z0-9._-]+/g, "_").replace(/^[.-]+/, "");
