/** Words of a config that were renamed: the former one is read as the one that took its place. */
import { z } from "zod";

/** `aliases`: former word -> word of `schema`. Messages name the words of `schema` alone. */
export const withAliases = <S extends z.ZodType>(schema: S, aliases: Readonly<Record<string, string>>) =>
  z.preprocess(
    (value) => (typeof value === "string" && Object.hasOwn(aliases, value) ? aliases[value] : value),
    schema,
  );
