/**
 * Whether a comparison is fair: what differs between a sweep's arms beyond what it sweeps. The trap is a default that
 * follows from a swept value: each norm strategy brings the init of its own source, and a longer context more tokens. It is
 * a remark, never a mistake: whoever compares recipes as they were published wants just that. Pure.
 */

import { isListOfMappings } from "../../config/fields.ts";
import type { RunConfig } from "../../config/schema.ts";
import { isPlainObject } from "../../config/selection.ts";
import { memoize } from "../../lib/memo.ts";
import { canonicalJson, identityFields } from "../../sweep/identity.ts";
import { groupArms } from "../ranking/arms.ts";
import { factorText } from "../ranking/ranking.ts";

/** A field that decides results, is not swept, and is not the same in all arms. */
export interface AlsoDiffers {
  /** `init`, `train.tokens` */
  readonly key: string;
  /** In the order of the arms; `value` undefined: they have no such field. */
  readonly values: readonly { readonly value: unknown; readonly arms: readonly string[] }[];
}

interface Subject {
  readonly factors: Readonly<Record<string, unknown>>;
  readonly config: RunConfig;
}

/** Of one run per arm: the others differ from it in their seed alone. In the order of a config. */
export function alsoDiffers(runs: readonly Subject[], sweepName: string): readonly AlsoDiffers[] {
  const arms = groupArms(runs, sweepName);
  if (arms.length < 2) return [];
  const labels = arms.map(({ label }) => label);
  const swept = [...new Set(runs.flatMap(({ factors }) => Object.keys(factors)))];
  const configs = arms.map(({ runs: [first] }) => first!.config);
  const passed = [...swept, ...(sameTokens(configs) ? ["train.tokens"] : [])];
  const known = (path: Path) => passed.some((key) => follows(path, key));
  return differing([], configs.map(identityFields), known).map(({ path, values }) => ({
    key: path.join("."),
    values: groups(values).map(({ value, places }) => ({ value, arms: places.map((i) => labels[i]!) })),
  }));
}

/** How many arms and values a line names. */
const SHOWN = 3;

/** `arms also differ in init: pre has {"name":"normal"}; hybrid has {"name":"megatron"} (set init in the config to equalize it)` */
export function alsoDiffersText({ key, values }: AlsoDiffers): string {
  const listed = values.slice(0, SHOWN).map(({ value, arms }) => {
    const named = arms.slice(0, SHOWN).map((label) => (label.includes(" ") ? `"${label}"` : label));
    const more = arms.length > SHOWN ? [`${arms.length - SHOWN} more`] : [];
    const has = value === undefined ? "none" : factorText(value);
    return `${[...named, ...more].join(" and ")} ${arms.length > 1 ? "have" : "has"} ${has}`;
  });
  const others = values.length > SHOWN ? [`${values.length - SHOWN} more`] : [];
  return `arms also differ in ${key}: ${[...listed, ...others].join("; ")} (set ${key} in the config to equalize it)`;
}

type Path = readonly string[];

interface Found {
  readonly path: Path;
  /** One per arm. */
  readonly values: readonly unknown[];
}

/**
 * A choice of another thing is one difference; of the same thing, of a mapping and of lists of as many mappings, each field
 * is one.
 */
function differing(path: Path, values: readonly unknown[], known: (path: Path) => boolean): readonly Found[] {
  const first = values[0];
  if (values.every((value) => value === first) || known(path)) return [];
  if (!values.every((value) => isAlike(value, first)))
    return groups(values).length > 1 ? [{ path, values }] : [];
  const mappings = values as readonly Readonly<Record<string, unknown>>[];
  const keys = [...new Set(mappings.flatMap((value) => Object.keys(value)))];
  return keys.flatMap((key) =>
    differing(
      [...path, key],
      mappings.map((value) => value[key]),
      known,
    ),
  );
}

function isAlike(a: unknown, b: unknown): boolean {
  if (isListOfMappings(a) && isListOfMappings(b)) return a.length === b.length;
  return isPlainObject(a) && isPlainObject(b) && a.name === b.name;
}

/** Equal values together, each with the places it stands at. */
function groups(
  values: readonly unknown[],
): readonly { readonly value: unknown; readonly places: number[] }[] {
  const text = memoize((value: unknown) => canonicalJson(value) ?? "");
  const found = new Map<string, { readonly value: unknown; readonly places: number[] }>();
  for (const [i, value] of values.entries()) {
    const group = found.get(text(value));
    if (group === undefined) found.set(text(value), { value, places: [i] });
    else group.places.push(i);
  }
  return [...found.values()];
}

/**
 * Whether the field is swept with the key: it is the key, or inside it, or belongs to the thing the key chooses. Sizes of a
 * model follow from each other; steps and tokens are each other, so that only tokens are looked at.
 */
function follows(path: Path, key: string): boolean {
  const field = path.join(".");
  const [section, ...inside] = key.split(".");
  if (field === key || field.startsWith(`${key}.`) || field === "train.steps") return true;
  if (key === "train.steps") return field === "train.tokens";
  if (section === "model") return path[0] === "model";
  return inside.at(-1) === "name" && follows(path, key.slice(0, -".name".length));
}

/** A number of tokens is made whole steps of, so arms with steps of different sizes may train on a part of one more. */
function sameTokens(configs: readonly RunConfig[]): boolean {
  const tokens = configs.map(({ train }) => train.tokens);
  const steps = configs.map(({ train }) => train.tokens / train.steps);
  const largest = (of: readonly number[]) => of.reduce((a, b) => Math.max(a, b));
  return largest(tokens) + largest(tokens.map((n) => -n)) < largest(steps);
}
