/** The ids of a tokenizer.json, checked before a table is made of them. */
import { shown, Unsupported } from "./unsupported.ts";

/** More ids no tokenizer has; a table of them would fill the memory. */
const MAX_ID = 2 ** 24 - 1;

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

/** With `byte_fallback` the ids of the 256 bytes, `<0x00>` to `<0xFF>`, undefined for those that have none. */
export const fallbackIds = (ids: ReadonlyMap<string, number>): readonly (number | undefined)[] =>
  Array.from({ length: 256 }, (_, byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );

/** The byte that such a token stands for; undefined for every other token. */
export function fallbackByte(token: string): Uint8Array | undefined {
  const hex = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  return hex === undefined ? undefined : Uint8Array.of(Number.parseInt(hex, 16));
}
