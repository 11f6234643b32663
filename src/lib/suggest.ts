/** "did you mean": the nearest of the allowed words by edit distance, or nothing when none is near. */
export function nearest(word: string, allowed: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const ranked = allowed.map((a) => ({ a, d: editDistance(word.toLowerCase(), a.toLowerCase()) }));
  const best = ranked.sort((x, y) => x.d - y.d)[0];
  return best !== undefined && best.d <= limit ? best.a : undefined;
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
