/** The ids of a tokenizer.json, checked before a table is made of them. */
import { shown, Unsupported } from "./unsupported.ts";

/** More ids no tokenizer has; a table of them would fill the memory. */
export const MAX_ID = 2 ** 24 - 1;

export function requireId(where: string, id: unknown): asserts id is number {
  if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) > MAX_ID)
    throw new Unsupported(`${where}: the id is ${shown(id)}; supported: whole numbers from 0 to ${MAX_ID}`);
}

/** `{token: id}`, no id twice. */
export function vocabularyMap(where: string, vocab: unknown): ReadonlyMap<string, number> {
  if (typeof vocab !== "object" || vocab === null || Array.isArray(vocab))
    throw new Unsupported(`${where}: got ${shown(vocab)}; supported: an object of tokens and their ids`);
  const ids = new Map<string, number>();
  const tokens = new Map<number, string>();
  for (const [token, id] of Object.entries(vocab as Readonly<Record<string, unknown>>)) {
    requireId(`${where}[${JSON.stringify(token)}]`, id);
    const other = tokens.get(id);
    if (other !== undefined)
      throw new Unsupported(
        `${where}: ${JSON.stringify(other)} and ${JSON.stringify(token)} have the same id ${id}`,
      );
    ids.set(token, id);
    tokens.set(id, token);
  }
  if (ids.size === 0) throw new Unsupported(`${where}: is empty`);
  return ids;
}
