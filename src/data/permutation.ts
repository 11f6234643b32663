/**
 * A pseudo-random permutation of 0..n-1 in O(1) memory: a Feistel network on the smallest even number of
 * bits that holds n, walked along its cycle until it lands inside (Black & Rogaway 2002, "Ciphers with
 * arbitrary finite domains"). This is how an epoch is shuffled: any position can be asked for by itself.
 */
import { hash32 } from "../lib/prng.ts";

/** Four rounds suffice on wide halves; a small corpus has halves of a few bits, where more are needed. */
const ROUNDS = 8;

/** The bijection of 0..n-1 that belongs to (seed, epoch); n at most 2^32. */
export function permutation(n: number, seed: number, epoch: number): (index: number) => number {
  if (n < 1 || n > 2 ** 32) throw new Error(`a permutation of ${n} things`);
  const half = halfBits(n);
  const mask = 2 ** half - 1;
  const keys = Array.from({ length: ROUNDS }, (_, r) => hash32(`data/shuffle/${seed}/${epoch}/${r}`));

  const once = (x: number): number => {
    let left = x >>> half;
    let right = x & mask;
    for (const key of keys) [left, right] = [right, left ^ (mix(right ^ key) & mask)];
    return ((left << half) | right) >>> 0;
  };
  return (index) => {
    let x = once(index);
    while (x >= n) x = once(x);
    return x;
  };
}

/** Bits of one half: 2^(2 half) >= n, and less than 4 n, so a walk takes fewer than four steps on average. */
function halfBits(n: number): number {
  let half = 1;
  while (4 ** half < n) half++;
  return half;
}

/** MurmurHash3's 32-bit finalizer: every input bit reaches every output bit. */
function mix(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
