/**
 * Byte-pair encoding of one word (Sennrich et al. 2016): starting from its bytes or characters, the adjacent pair that was learned
 * first is joined, the leftmost of equals, until no pair is known. A heap of pairs makes it n log n in the word's
 * length: a text without blanks, megabytes of it, is no trap.
 */
import { EnvironmentError } from "../../lib/errors.ts";
import type { EncodeWords } from "./encode-words.ts";

/** A rule joins `left` and `right` into `id`; rules are listed in the order in which they were learned. */
export interface MergeRule {
  readonly left: number;
  readonly right: number;
  readonly id: number;
}

/** The ids of a word's parts, joined by the rules, appended to `out`. `ids` is used as scratch. */
export type MergeIds = (ids: Int32Array, out: number[]) => void;

/** Parts of the longest word, and most rules: their numbers go into one. */
const PLACES = 2 ** 26;

/** Throws an EnvironmentError for a word that is too long. */
export function merger(rules: readonly MergeRule[]): MergeIds {
  const table = ruleTable(rules);
  return (ids, out) => {
    const n = ids.length;
    if (n > PLACES)
      throw new EnvironmentError(
        `data: a pre-token of ${n} bytes or characters; at most ${PLACES} can be tokenized`,
      );
    const previous = Int32Array.from(ids, (_, i) => i - 1);
    const next = Int32Array.from(ids, (_, i) => i + 1); // n: the end
    const heap = pairHeap();
    /** The library asks whether the pair still makes the same token, by whichever rule. */
    const same = (now: number, rule: number) =>
      now === rule || (now >= 0 && rules[now]!.id === rules[rule]!.id);
    const offer = (at: number): void => {
      if (at < 0 || next[at]! >= n) return;
      const rule = table(ids[at]!, ids[next[at]!]!);
      if (rule >= 0) heap.push(rule, at);
    };
    for (let i = 0; i < n - 1; i++) offer(i);
    for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
      const [rule, at] = top;
      const right = next[at]!;
      // An offer is stale once one of its two has been joined to another.
      if (ids[at]! < 0 || right >= n || !same(table(ids[at]!, ids[right]!), rule)) continue;
      ids[at] = rules[rule]!.id;
      ids[right] = -1;
      next[at] = next[right]!;
      if (next[at]! < n) previous[next[at]!] = at;
      offer(previous[at]!);
      offer(at);
    }
    for (let at = 0; at < n; at = next[at]!) out.push(ids[at]!);
  };
}

/** (left, right) -> the number of the rule that joins them, or -1: open addressing over typed arrays. */
function ruleTable(rules: readonly MergeRule[]): (left: number, right: number) => number {
  let size = 16;
  while (size < 2 * rules.length) size *= 2;
  const mask = size - 1;
  const lefts = new Int32Array(size).fill(-1);
  const rights = new Int32Array(size);
  const numbers = new Int32Array(size);
  const slot = (left: number, right: number): number => {
    let h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    h = (h ^ (h >>> 15)) & mask;
    while (lefts[h] !== -1 && !(lefts[h] === left && rights[h] === right)) h = (h + 1) & mask;
    return h;
  };
  for (const [number, { left, right }] of rules.entries()) {
    const h = slot(left, right);
    // The last of equal rules counts, as in the library.
    lefts[h] = left;
    rights[h] = right;
    numbers[h] = number;
  }
  return (left, right) => {
    const h = slot(left, right);
    return lefts[h] === -1 ? -1 : numbers[h]!;
  };
}

/** A binary heap of (rule, place), smallest first, as one number each: rules and places are below 2^26. */
function pairHeap() {
  const items: number[] = [];
  return {
    push(rule: number, at: number): void {
      const item = rule * PLACES + at;
      let i = items.push(item) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (items[parent]! <= item) break;
        items[i] = items[parent]!;
        i = parent;
      }
      items[i] = item;
    },
    pop(): readonly [rule: number, at: number] | undefined {
      const top = items[0];
      if (top === undefined) return undefined;
      const last = items.pop()!;
      const n = items.length;
      let i = 0;
      for (let child = 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && items[child + 1]! < items[child]!) child++;
        if (items[child]! >= last) break;
        items[i] = items[child]!;
        i = child;
      }
      if (n > 0) items[i] = last;
      return [Math.floor(top / PLACES), top % PLACES];
    },
  };
}

/** Encodes a word by its UTF-8 bytes. */
export function byteMerger(byteIds: ArrayLike<number>, rules: readonly MergeRule[]): EncodeWords {
  const merge = merger(rules);
  return (word, out) =>
    merge(
      Int32Array.from(Buffer.from(word, "utf8"), (byte) => byteIds[byte]!),
      out,
    );
}
