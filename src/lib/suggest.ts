/** "did you mean": the nearest of the allowed words by edit distance, or nothing when none is near. */
export function nearest(word: string, allowed: readonly string[]): string | undefined {
  const byNumber = nearestNumber(word, allowed);
  if (byNumber !== undefined) return byNumber;
  // Of three letters one may be wrong, of four two; beyond that a third.
  const limit = Math.min(Math.floor(word.length / 2), Math.max(2, Math.floor(word.length / 3)));
  const ranked = allowed.map((a) => ({ a, d: distance(word.toLowerCase(), a.toLowerCase()) }));
  const best = ranked.sort((x, y) => x.d - y.d)[0];
  return best !== undefined && best.d <= limit ? best.a : undefined;
}

/** Of the same letters in another order: one slip. */
const distance = (a: string, b: string): number =>
  a !== b && sorted(a) === sorted(b) ? 1 : editDistance(a, b);

const sorted = (word: string): string => [...word].sort().join("");

const SIZED = /^(.*?)(\d+(?:\.\d+)?)([a-z]*)$/;

/** `llama-125m`: among words that differ in one number alone, the one whose number is nearest, by ratio. */
function nearestNumber(word: string, allowed: readonly string[]): string | undefined {
  const [, stem, number, unit] = SIZED.exec(word) ?? [];
  if (!stem) return undefined;
  const ratio = (text: string): number => {
    const [, otherStem, other, otherUnit] = SIZED.exec(text) ?? [];
    return otherStem === stem && otherUnit === unit
      ? Math.abs(Math.log(Number(other) / Number(number)))
      : Infinity;
  };
  const [best] = allowed.map((text) => ({ text, off: ratio(text) })).sort((a, b) => a.off - b.off);
  return best !== undefined && best.off < Math.log(2) ? best.text : undefined;
}

/** Levenshtein distance, one row at a time. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
