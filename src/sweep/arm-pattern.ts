/**
 * A pattern such as `{norm: mix-ln}` and the one arm of a sweep that it means: exactly what is written there, else the only
 * arm of which all of it is so. And whether two arms have the same at a key, in whatever words.
 */
import { isDeepStrictEqual } from "node:util";
import { SEED } from "../config/axes.ts";
import type { Pattern } from "../config/expect.ts";
import type { RunConfig } from "../config/schema.ts";
import { isPlainObject } from "../config/selection.ts";
import { didYouMean } from "../config/wording.ts";

type Values = Readonly<Record<string, unknown>>;

/** A run, or a run to be: what the axes put where, and what came of it. */
export interface SweepPoint {
  readonly factors: Values;
  readonly config: Partial<RunConfig>;
}

/** Points that differ in nothing but the seed. */
export interface SweepArm<P extends SweepPoint> {
  readonly factors: Values;
  readonly config: Partial<RunConfig>;
  readonly points: readonly P[];
}

/** Where in the pattern, what is wrong, and whether it is the key. */
export type ReportIssue = (path: readonly string[], message: string, atKey?: boolean) => void;

/** In the order of their first point. `over`: a key of `train` besides the seed in which the points of an arm may differ. */
export function groupByArm<P extends SweepPoint>(
  points: readonly P[],
  over: string = SEED,
): readonly SweepArm<P>[] {
  const found = new Map<string, { factors: Values; config: Partial<RunConfig>; points: P[] }>();
  for (const point of points) {
    const { [SEED]: _, [over]: _other, ...factors } = point.factors;
    const { train, ...config } = point.config;
    const key = JSON.stringify([config, { ...train, seed: 0, [over.replace("train.", "")]: 0 }]);
    const arm = found.get(key);
    if (arm === undefined) found.set(key, { factors, config: point.config, points: [point] });
    else arm.points.push(point);
  }
  return [...found.values()];
}

/** The actual arms that are the one arm which the pattern means in the file. */
export function matchArms<P extends SweepPoint>(
  pattern: Pattern,
  written: readonly SweepArm<SweepPoint>[],
  actual: readonly SweepArm<P>[],
  say: ReportIssue,
): readonly SweepArm<P>[] {
  const swept = [...new Set(written.flatMap(({ factors }) => Object.keys(factors)))];
  let unknown = false;
  for (const key of Object.keys(pattern)) {
    if (swept.some((other) => related(key, other))) continue;
    unknown = true;
    const words = swept.length === 0 ? "this file has no sweep" : `swept here: ${swept.join(", ")}`;
    const why = key === SEED ? "an arm includes all of its seeds" : "not swept";
    say([key], `${why}; ${words}${didYouMean(key, swept)}`, true);
  }
  if (unknown) return [];
  const entries = Object.entries(pattern);
  const fitting = (fits: (wanted: unknown, arm: SweepArm<SweepPoint>, key: string) => boolean) =>
    written.filter((arm) => entries.every(([key, wanted]) => fits(wanted, arm, key)));
  const exact = fitting((wanted, arm, key) => valuesAt(arm, key).some((value) => same(value, wanted)));
  const found =
    exact.length > 0 ? exact : fitting((w, arm, key) => valuesAt(arm, key).some((v) => within(v, w)));
  const [arm, ...more] = found;
  if (arm === undefined || more.length > 0) {
    const near = nearestValue(entries, written);
    say(
      [],
      arm === undefined
        ? `no matching arm${near === "" ? `; allowed: ${listed(written)}` : near}`
        : `ambiguous: matches ${found.length} arms: ${listed(found)}`,
    );
    return [];
  }
  const keys = swept.filter((key) => entries.some(([named]) => related(named, key)));
  return actual.filter((other) => keys.every((key) => agree(arm, other, key)));
}

const SHOWN = 6;

/** `{norm: pre, train.lr: 0.001}, {norm: post, train.lr: 0.001}` */
function listed(arms: readonly SweepArm<SweepPoint>[]): string {
  const each = arms.slice(0, SHOWN).map(({ factors }) =>
    JSON.stringify(factors)
      .replace(/"([^"]*)"(:?)/g, (_, word, colon) => `${word}${colon && ": "}`)
      .replaceAll(",", ", "),
  );
  return `${each.join(", ")}${arms.length > SHOWN ? `, and ${arms.length - SHOWN} more` : ""}`;
}

/** One key is the other, or lies below it. */
const related = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

/** What an arm has at a key: as its axes write it, and as it came out. */
function valuesAt({ factors, config }: SweepArm<SweepPoint>, key: string): readonly unknown[] {
  const above = Object.keys(factors).filter((own) => key === own || key.startsWith(`${own}.`));
  const writtenThere = above.map((own) =>
    at(selected(factors[own]), key === own ? [] : key.slice(own.length + 1).split(".")),
  );
  return [...writtenThere, at(config, key.split("."))].filter((value) => value !== undefined);
}

/** An item of a list is found by its number. */
const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)];
    return isPlainObject(inner) ? inner[key] : undefined;
  }, value);

/** NAME and {name: NAME} select the same. */
const selected = (value: unknown): unknown => (typeof value === "string" ? { name: value } : value);
const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(selected(a), selected(b));

/** Whatever the pattern says is so; the value may have more. */
function within(value: unknown, wanted: unknown): boolean {
  if (!isPlainObject(value)) return same(value, wanted);
  const part = selected(wanted);
  if (!isPlainObject(part)) return false;
  return Object.entries(part).every(([key, inner]) => within(value[key], inner));
}

/** Whether two arms have the same at a swept key, written in whatever way. */
export const agree = (a: SweepArm<SweepPoint>, b: SweepArm<SweepPoint>, key: string): boolean =>
  same(at(a.config, key.split(".")), at(b.config, key.split("."))) ||
  (key in b.factors && same(a.factors[key], b.factors[key]));

/** `; did you mean hybrid?` where a NAME of the pattern is misspelt. */
function nearestValue(
  entries: readonly (readonly [string, unknown])[],
  arms: readonly SweepArm<SweepPoint>[],
): string {
  for (const [key, wanted] of entries) {
    const nameOf = (value: unknown) => at(selected(value), ["name"]);
    const all = arms.flatMap((arm) => valuesAt(arm, key).map(nameOf));
    const near = didYouMean(
      nameOf(wanted),
      [...new Set(all)].filter((name) => typeof name === "string"),
    );
    if (near !== "" && !all.includes(nameOf(wanted))) return near;
  }
  return "";
}
