import fc from "fast-check";
import { expect, test } from "vitest";
import { philox, type Stream, stream } from "../../../src/lib/prng.ts";

const hex = (words: readonly number[]) => words.map((w) => w.toString(16).padStart(8, "0")).join(" ");
const F = 0xffffffff;

/** Known answers of philox4x32-10: Random123, kat_vectors (Salmon et al. 2011). */
test.each([
  [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
  [[F, F, F, F], [F, F], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    "d16cfe09 94fdcceb 5001e420 24126ea1",
  ],
] as const)("philox %#", (counter, key, expected) => {
  expect(hex(philox(counter, key))).toBe(expected);
});

const take = (random: Stream, n: number) => Array.from({ length: n }, () => random.uint32());

test("a stream is fixed by its seed and its name, and by nothing else", () => {
  expect(take(stream(7, "init/a"), 9)).toEqual(take(stream(7, "init/a"), 9));
  const starts = [
    stream(7, "init/a"),
    stream(7, "init/b"),
    stream(8, "init/a"),
    stream(7 + 2 ** 32, "init/a"),
  ];
  expect(new Set(starts.map((s) => take(s, 2).join())).size).toBe(starts.length);
});

test("the first numbers of a stream are what they were when the project began", () => {
  expect(take(stream(6198, "init/embed.weight"), 3)).toMatchInlineSnapshot(`
    [
      3083525353,
      3146758734,
      3492830886,
    ]
  `);
});

test("names that differ little give streams that differ wholly", () => {
  const names = Array.from({ length: 5000 }, (_, i) => `init/blocks.${i}.attn.q.weight`);
  expect(new Set(names.map((name) => take(stream(0, name), 2).join())).size).toBe(names.length);
});

test("uniform: in [0, 1), with the mean, variance and evenness of the uniform distribution", () => {
  const random = stream(1, "uniform");
  const n = 40_000;
  const bins = new Array<number>(20).fill(0);
  let [sum, squares, low, high] = [0, 0, 1, 0];
  for (let i = 0; i < n; i++) {
    const u = random.uniform();
    bins[Math.floor(u * 20)]! += 1;
    sum += u;
    squares += u * u;
    low = Math.min(low, u);
    high = Math.max(high, u);
  }
  expect([low >= 0, low < 1e-3, high > 1 - 1e-3, high < 1]).toEqual([true, true, true, true]);
  expect(Math.abs(sum / n - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
  expect(Math.abs(squares / n - 1 / 3)).toBeLessThan(4 * Math.sqrt(4 / 45 / n));
  const chi2 = bins.reduce((total, count) => total + (count - n / 20) ** 2 / (n / 20), 0);
  expect(chi2).toBeLessThan(43.8); // 19 degrees of freedom, p = 0.001
});

test("below(n): every integer under n, and no other", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), (n, seed) => {
      const random = stream(seed, "below");
      const seen = new Set(Array.from({ length: 300 }, () => random.below(n)));
      expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    }),
  );
  const random = stream(3, "below");
  const high = Array.from({ length: 3000 }, () => random.below(3 * 2 ** 30)).filter(
    (x) => x >= 2 ** 31,
  ).length;
  expect(Math.abs(high / 3000 - 1 / 3)).toBeLessThan(0.035); // with modulo bias it would be a quarter
});

test("normal: the moments and the tails of the standard normal", () => {
  const random = stream(2, "normal");
  const n = 40_000;
  const xs = Array.from({ length: n }, () => random.normal());
  const moment = (k: number) => xs.reduce((sum, x) => sum + x ** k, 0) / n;
  expect(Math.abs(moment(1))).toBeLessThan(4 / Math.sqrt(n));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
  const beyond2 = xs.filter((x) => Math.abs(x) > 2).length / n;
  expect(Math.abs(beyond2 - 0.0455)).toBeLessThan(4 * Math.sqrt(0.0455 / n));
  const successive = xs.slice(1).reduce((sum, x, i) => sum + x * xs[i]!, 0) / n;
  expect(Math.abs(successive)).toBeLessThan(4 / Math.sqrt(n)); // the pair of one Box-Muller draw is independent
});
