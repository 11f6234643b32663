/** A thing of a kind as data name it: its bare NAME, or `{name: NAME, ...its own parameters}`. */
import { z } from "zod";
import { nearest } from "./suggest.ts";

export type Kinds = Readonly<Record<string, { readonly params: z.ZodObject }>>;

/** `NAME`'s parameters beside its name, for each NAME of the record. */
export type Named<K extends Kinds> = {
  [N in keyof K & string]: { name: N } & z.output<K[N]["params"]>;
}[keyof K & string];

/** One of the things, its parameters checked by its own schema. */
export function oneOf<K extends Kinds>(things: K): z.ZodType<Named<K>> {
  const names = Object.keys(things);
  const choices = names.map((name) => things[name]!.params.extend({ name: z.literal(name) }));
  const error = ({ input }: { input?: unknown }): string => {
    const name = (input as { name?: unknown } | undefined)?.name ?? input;
    const near = typeof name === "string" ? nearest(name, names) : undefined;
    const got = JSON.stringify(name) ?? "nothing";
    return `got ${got}, allowed: ${names.join(", ")}${near === undefined ? "" : `; did you mean ${near}?`}`;
  };
  const union = z.discriminatedUnion("name", choices as unknown as [z.ZodObject, ...z.ZodObject[]], {
    error,
  });
  const widened = z.preprocess((value) => (typeof value === "string" ? { name: value } : value), union);
  return widened as unknown as z.ZodType<Named<K>>;
}
