/** A thing of a kind as the YAML selects it: its bare NAME, or `{name: NAME, ...its own parameters}`. */
import { z } from "zod";
import { didYouMean, show, wording } from "./wording.ts";

/** A selection with every parameter filled in. */
export type Selection<N extends string> = { readonly name: N } & Readonly<Record<string, unknown>>;

/**
 * `kind` is what messages call it. The parameters of the chosen thing are checked by its own schema. With a
 * `defaultName` the name may be left out: `{weight_decay: 0.1}` is the default optimizer with that decay.
 */
export function selection<N extends string>(
  kind: string,
  things: Readonly<Record<N, { readonly params: z.ZodType }>>,
  defaultName?: NoInfer<N>,
): z.ZodType<Selection<N>> {
  const names = Object.keys(things);
  const expected = `expected ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
  const allowed = `allowed: ${names.join(", ")}`;
  const chosen = z.unknown().transform((value, ctx): Selection<N> => {
    const wrong = (path: readonly PropertyKey[], message: string) => {
      ctx.issues.push({ code: "custom", path: [...path], message, input: value });
      return z.NEVER;
    };
    if (value === undefined) return wrong([], `missing; ${expected}; ${allowed}`);
    const isName = typeof value === "string";
    const written = isName ? { name: value } : value;
    if (!isPlainObject(written)) {
      return wrong([], `${expected}, NAME or {name: NAME, ...}, got ${show(value)}; ${allowed}`);
    }
    const { name = defaultName, ...own } = written;
    if (name === undefined) return wrong(["name"], `missing; ${expected}; ${allowed}`);
    if (typeof name !== "string" || !Object.hasOwn(things, name)) {
      const where = isName ? [] : ["name"];
      return wrong(where, `unknown ${kind}, got ${show(name)}; ${allowed}${didYouMean(name, names)}`);
    }
    const parsed = things[name as N].params.safeParse(own, { error: wording, reportInput: true });
    if (parsed.success) return { name: name as N, ...(parsed.data as Record<string, unknown>) };
    // Pushed as they are, so that the codes and keys survive; their messages are already written.
    ctx.issues.push(...(parsed.error.issues as unknown as typeof ctx.issues));
    return z.NEVER;
  });
  return defaultName === undefined ? chosen : chosen.prefault({});
}

export const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
