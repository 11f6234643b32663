/** How a mistake is worded: what was expected, what was found, and what may have been meant. */
import { z } from "zod";
import { nearest } from "../lib/suggest.ts";
import { keyMeant, numberMeant, valueMeant } from "./synonyms.ts";

type Raw = z.core.$ZodRawIssue;
type Schema = z.core.$ZodType;

/** zod's error map for everything a schema leaves unsaid. One line per unknown key, in the order of the issue's keys. */
export function wording(issue: Raw): string | undefined {
  if (issue.code === "custom") return undefined;
  const schema = (issue.schema ?? issue.inst) as Schema | undefined;
  if (schema === undefined) return issue.input === undefined ? "missing" : `got ${show(issue.input)}`;
  if (issue.code === "unrecognized_keys") {
    const allowed = Object.keys((schema as z.core.$ZodObject)._zod.def.shape);
    return issue.keys.map((key) => unknownKey(key, allowed)).join("\n");
  }
  const expected = `expected ${describe(schema)}`;
  if (issue.input === undefined) return `missing; ${expected}`;
  const words = issue.code === "invalid_value" ? issue.values.map(String) : [];
  return `${expected}, got ${show(issue.input)}${didYouMean(issue.input, words)}${meantNumber(issue.input, expected)}`;
}

export function unknownKey(key: string, allowed: readonly string[]): string {
  const choices = allowed.length === 0 ? "no keys are allowed here" : `allowed: ${allowed.join(", ")}`;
  const [, joined, rest] = /^([\w.-]+):(.+)$/.exec(key) ?? [];
  if (joined !== undefined && allowed.includes(joined))
    return `unknown key; did you mean \`${joined}: ${rest}\`, with a space after the colon?`;
  const meant = keyMeant(key, allowed);
  return `unknown key; ${choices}${meant === undefined ? didYouMean(key, allowed) : `; did you mean ${meant}?`}`;
}

function meantNumber(input: unknown, expected: string): string {
  const meant =
    typeof input === "string" && /\bnumber\b(?!.*%)/.test(expected) ? numberMeant(input) : undefined;
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

/** `; did you mean X?`, or nothing. A word that would have to change in every letter was not meant. */
export function didYouMean(word: unknown, allowed: readonly string[]): string {
  if (typeof word !== "string" || word.length < 2) return "";
  const near = valueMeant(word, allowed) ?? (word.length < 3 ? undefined : nearest(word, allowed));
  return near === undefined ? "" : `; did you mean ${near}?`;
}

/** A value as a message quotes it. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "a mapping";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** What a schema accepts, in words; a schema's own `.describe()` comes first. */
export function describe(schema: Schema): string {
  const said = z.globalRegistry.get(schema)?.description;
  if (said !== undefined) return said;
  const { def } = schema._zod as { def: z.core.$ZodTypes["_zod"]["def"] };
  switch (def.type) {
    case "number":
      return describeNumber(def);
    case "string":
      return checksOf(def).some(({ check }) => check === "min_length") ? "non-empty text" : "text";
    case "boolean":
      return "true or false";
    case "enum":
      return `one of ${Object.values(def.entries).join(", ")}`;
    case "literal":
      return def.values.map(String).join(" or ");
    case "array":
      return `a list, each item ${describe(def.element)}`;
    case "object":
      return "a mapping";
    case "null":
      return "null";
    case "union":
      return def.options.map(describe).join(" or ");
    case "nullable":
      return `${describe(def.innerType)} or null`;
    case "optional":
    case "default":
    case "prefault":
      return describe(def.innerType);
    case "pipe":
      return describe(def.in._zod.def.type === "transform" ? def.out : def.in);
    default:
      return `a ${def.type}`;
  }
}

/** `a whole number >= 1`: the schema's bounds, as its checks hold them. */
function describeNumber(def: z.core.$ZodNumberDef): string {
  const bounds = checksOf(def).map((check) => {
    if (check.check === "greater_than") return `${check.inclusive ? ">=" : ">"} ${check.value}`;
    return check.check === "less_than" ? `${check.inclusive ? "<=" : "<"} ${check.value}` : "";
  });
  const noun = "format" in def ? "a whole number" : "a number";
  const told = bounds.filter((bound) => bound !== "").join(" and ");
  return told === "" ? noun : `${noun} ${told}`;
}

const checksOf = (def: { readonly checks?: readonly z.core.$ZodCheck<never>[] | undefined }) =>
  (def.checks ?? []).map((check) => check._zod.def as z.core.$ZodChecks["_zod"]["def"]);
