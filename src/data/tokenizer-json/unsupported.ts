/** A part of a tokenizer.json that is not honoured, or is malformed. The message names the part and what is supported. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
}

/** What a part of one type is read by: its other fields, checked, to the thing it makes. */
export type Readers<T> = Readonly<Record<string, (part: Part) => T>>;

/** A part of the file as it stands there, with the place it stands at. */
export interface Part {
  readonly where: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Reads a part by its `type`; an unknown type is refused with the list of those that are known. */
export function readPart<T>(where: string, value: unknown, readers: Readers<T>): T {
  const { type, ...fields } = Object(value) as Record<string, unknown>;
  const reader = typeof type === "string" && Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (reader === undefined)
    throw new Unsupported(
      `${where}: type ${JSON.stringify(type) ?? "missing"} is not supported; supported: ${Object.keys(readers).join(", ")}`,
    );
  return reader({ where: `${where}: ${type}`, fields });
}

/** Checks of one field: whether a value is so, and what it should be. */
export interface Check<T> {
  readonly is: (value: unknown) => value is T;
  readonly expected: string;
}

export const bool: Check<boolean> = { is: (x) => typeof x === "boolean", expected: "true or false" };
export const text: Check<string> = { is: (x) => typeof x === "string", expected: "a text" };
export const int: Check<number> = {
  is: (x): x is number => Number.isSafeInteger(x) && (x as number) >= 0,
  expected: "a whole number",
};
export const anything: Check<unknown> = { is: (_): _ is unknown => true, expected: "a value" };
export const list: Check<readonly unknown[]> = {
  is: (x): x is readonly unknown[] => Array.isArray(x),
  expected: "a list",
};
export const oneOf = <const T extends readonly unknown[]>(...values: T): Check<T[number]> => ({
  is: (x): x is T[number] => values.includes(x),
  expected: values.map((value) => JSON.stringify(value)).join(" or "),
});
export const nullable = <T>({ is, expected }: Check<T>): Check<T | null> => ({
  is: (x): x is T | null => x === null || is(x),
  expected: `${expected} or null`,
});

/** A check, and what holds where the field is left out; without that it must be there. */
type Field = readonly [check: Check<unknown>, fallback?: unknown];
type Values<C> = {
  readonly [K in keyof C]: C[K] extends readonly [Check<infer T>, ...infer Fallback]
    ? T | Fallback[number]
    : never;
};

/** Every field of a part: [check, default], or [check] where it must be there. A field that is not listed is refused. */
export function fieldsOf<const C extends Readonly<Record<string, Field>>>(
  { where, fields }: Part,
  checks: C,
): Values<C> {
  const odd = Object.keys(fields).find((key) => !Object.hasOwn(checks, key));
  if (odd !== undefined)
    throw new Unsupported(
      `${where}.${odd}: is not supported; supported: ${Object.keys(checks).join(", ") || "no fields"}`,
    );
  const values: Record<string, unknown> = {};
  for (const [key, [check, ...fallback]] of Object.entries(checks)) {
    const given = Object.hasOwn(fields, key);
    if (!given && fallback.length === 0)
      throw new Unsupported(`${where}.${key}: missing; expected ${check.expected}`);
    const value = given ? fields[key] : fallback[0];
    if (given && !check.is(value))
      throw new Unsupported(`${where}.${key}: got ${shown(value)}; supported: ${check.expected}`);
    values[key] = value;
  }
  return values as Values<C>;
}

export const shown = (value: unknown): string => {
  const written = JSON.stringify(value) ?? String(value);
  return written.length > 80 ? `${written.slice(0, 77)}...` : written;
};
