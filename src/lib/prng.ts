/**
 * Counter-based random numbers: every value is a pure function of (seed, stream name, counter), so a new
 * probe, norm or parameter never shift another's numbers. Philox 4x32-10 (Salmon et al. 2011, "Parallel
 * random numbers: as easy as 1, 2, 3"), in integer arithmetic only: the same bits on every machine.
 */

export interface Stream {
  /** The next uniform 32-bit unsigned integer. */
  uint32(): number;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, n), without bias. */
  below(n: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
}

/** The stream called `name` under `seed`, starting at its first number. */
export function stream(seed: number, name: string): Stream {
  const key = [hash32(name, seed), hash32(name, seed ^ 0x9e3779b9)] as const;
  let block = 0;
  let buffer: readonly number[] = [];
  let at = 4;
  let spare: number | undefined;

  const uint32 = (): number => {
    if (at === 4) {
      buffer = philox(
        [block % 2 ** 32, Math.floor(block / 2 ** 32), seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0],
        key,
      );
      block++;
      at = 0;
    }
    return buffer[at++]!;
  };
  const uniform = (): number => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53;
  const below = (n: number): number => {
    const limit = 2 ** 32 - (2 ** 32 % n);
    let x = uint32();
    while (x >= limit) x = uint32();
    return x % n;
  };
  const normal = (): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const r = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = r * Math.sin(angle);
    return r * Math.cos(angle);
  };
  return { uint32, uniform, below, normal };
}

type Counter = readonly [number, number, number, number];

/** Ten rounds of Philox on a 128-bit counter with a 64-bit key. */
export function philox(counter: Counter, key: readonly [number, number]): Counter {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [h0, l0] = mulHiLo(0xd2511f53, a);
    const [h1, l1] = mulHiLo(0xcd9e8d57, c);
    [a, b, c, d] = [(h1 ^ b ^ k0) >>> 0, l1, (h0 ^ d ^ k1) >>> 0, l0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The high and the low 32 bits of a 32 x 32-bit product. */
function mulHiLo(x: number, y: number): [number, number] {
  const xl = x & 0xffff;
  const xh = x >>> 16;
  const yl = y & 0xffff;
  const yh = y >>> 16;
  const low = xl * yl;
  const mid = xh * yl + (low >>> 16);
  const mid2 = xl * yh + (mid & 0xffff);
  const high = xh * yh + Math.floor(mid / 0x10000) + (mid2 >>> 16);
  return [high >>> 0, Math.imul(x, y) >>> 0];
}

/** FNV-1a over UTF-16 units with a final avalanche: names to keys, not cryptography. */
export function hash32(text: string, seed = 0): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
