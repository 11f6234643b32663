/** The rules of a BPE from its tokens alone, listed as they were learned (tiktoken's form: no merges are written down). */
import type { MergeRule } from "./merges.ts";

/** A token that was learned is the union of the two that its own bytes come to under the tokens learned before it. */
export function rulesFromTokens(tokens: readonly Uint8Array[]): readonly MergeRule[] {
  const ids = new Map(tokens.map((bytes, id) => [key(bytes), id]));
  const rules: MergeRule[] = [];
  for (const [id, bytes] of tokens.entries()) {
    if (bytes.length < 2) continue;
    const [left, right] = halves(key(bytes), id, ids);
    rules.push({ left, right, id });
  }
  return rules;
}

function halves(token: string, id: number, ids: ReadonlyMap<string, number>): readonly [number, number] {
  const parts = [...token];
  while (parts.length > 2) {
    let best = id;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const joined = ids.get(parts[i]! + parts[i + 1]!);
      if (joined !== undefined && joined < best) [best, at] = [joined, i];
    }
    if (at < 0) throw new Error(`token ${id} is no union of two others`);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
  return [ids.get(parts[0]!)!, ids.get(parts[1]!)!];
}

/** Bytes as a string of one unit each. */
const key = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
