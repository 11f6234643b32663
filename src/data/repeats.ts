/**
 * Windows that do nothing but repeat: OLMo's instance filter, which HybridNorm's dense runs train with. A window in
 * which a pattern of at most `max_period` ids stands at least `times` times in a row counts for nothing in the gradient,
 * whose mean is still taken over all tokens of the step, as OLMo takes it. The loss that is recorded is per token that counts.
 */
import { z } from "zod";

export const repeatsSchema = z.strictObject({
  /** Longest pattern, in ids. */
  max_period: z.int().min(1).max(1024).default(13),
  /** How often in a row is too often. */
  times: z.int().min(2).default(32),
});
export type RepeatFilter = Readonly<z.output<typeof repeatsSchema>>;

/** A pattern of p ids stands n times where (n - 1) p ids in a row each equal the one p before them. */
export function repeats(ids: Int32Array, { max_period, times }: RepeatFilter): boolean {
  for (let period = 1; period <= max_period; period++) {
    let equal = 0;
    for (let i = period; i < ids.length; i++) {
      equal = ids[i] === ids[i - period] ? equal + 1 : 0;
      if (equal >= (times - 1) * period) return true;
    }
  }
  return false;
}

/**
 * The weight of each of the inputs of some windows of T + 1 ids: `weight`, or 0 where the window repeats. Returns how many
 * inputs have 0.
 */
export function maskRepeats(
  windows: Int32Array,
  seqLen: number,
  filter: RepeatFilter,
  weight: number,
  out: Float32Array,
): number {
  let masked = 0;
  for (let row = 0; row * (seqLen + 1) < windows.length; row++) {
    const at = row * (seqLen + 1);
    const dropped = repeats(windows.subarray(at, at + seqLen), filter);
    out.fill(dropped ? 0 : weight, row * seqLen, (row + 1) * seqLen);
    if (dropped) masked += seqLen;
  }
  return masked;
}
