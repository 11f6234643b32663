/** Samples, Student's t against printed tables, and the number of seeds against experiments with seeded numbers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { stream } from "../../../src/lib/prng.ts";
import { pooledDeviation, sample, seedsNeeded, tQuantile } from "../../../src/lib/statistics.ts";

// From mpmath's incomplete beta function at 25 digits.
test.each([
  [0.975, 1, 12.706204736174705],
  [0.975, 2, 4.302652729749464],
  [0.975, 3, 3.18244630528371],
  [0.975, 9, 2.262157162798205],
  [0.975, 30, 2.042272456301238],
  [0.8, 1, 1.376381920471174],
  [0.8, 9, 0.8834038596855345],
  [0.995, 5, 4.032142983555228],
  [0.6, 7, 0.2631668613520228],
])("Student's t at %d with %d degrees of freedom is %d", (p, nu, t) => {
  expect(Math.abs(tQuantile(p, nu) / t - 1)).toBeLessThan(1e-12);
  expect(tQuantile(1 - p, nu)).toBeCloseTo(-t, 10);
});

test("Student's t: its middle, its limit", () => {
  expect(tQuantile(0.5, 4)).toBe(0);
  expect(tQuantile(0.975, 1e6)).toBeCloseTo(1.9599663567, 8); // 1.9599639845 of the normal distribution, and a little
});

test("a sample: its mean, its spread, its interval", () => {
  expect(sample([])).toBeUndefined();
  expect(sample([3])).toEqual({ n: 1, mean: 3 });
  const { n, mean, sd, ci95 } = sample([2.8, 2.9, 2.85, 2.75])!;
  expect({ n, mean }).toEqual({ n: 4, mean: 2.825 });
  expect(sd).toBeCloseTo(0.06454972243679, 12);
  expect(ci95).toBeCloseTo((3.182446305283708 * 0.06454972243679) / 2, 12);
});

test("equal values have no spread, and values far from 0 keep theirs", () => {
  expect(sample([0.1, 0.1, 0.1])).toEqual({ n: 3, mean: 0.1, sd: 0, ci95: 0 });
  const far = 2 ** 40;
  expect(sample([far, far + 1, far + 2])!.sd).toBe(1);
});

test("a pooled deviation weighs by degrees of freedom, and is none of single values", () => {
  const groups = [sample([0, 2]), sample([5, 5, 5]), sample([7])].map((of) => of!);
  expect(pooledDeviation(groups)).toBeCloseTo(Math.sqrt((1 * 2 + 2 * 0) / 3), 12);
  expect(pooledDeviation([sample([1])!])).toBeUndefined();
});

test("seeds needed: as in tables of power for the paired t-test", () => {
  expect(seedsNeeded(1, 1)).toBe(10);
  expect(seedsNeeded(1, 0.5)).toBe(34);
  expect(seedsNeeded(1, -0.5)).toBe(34);
  expect(seedsNeeded(1e-9, 1)).toBe(2);
  expect(seedsNeeded(0, 1)).toBe(2);
  expect(seedsNeeded(1, 0)).toBeUndefined();
  expect(seedsNeeded(0, 0)).toBeUndefined();
});

test("that many seeds see the difference in about 80 of 100 experiments, and half as many do not", () => {
  const random = stream(7, "power");
  const share = (seeds: number) => {
    const seen = Array.from({ length: 2000 }, () => {
      const { mean, ci95 } = sample(Array.from({ length: seeds }, () => 0.7 + random.normal()))!;
      return Math.abs(mean) > ci95!;
    });
    return seen.filter((yes) => yes).length / seen.length;
  };
  const needed = seedsNeeded(1, 0.7)!;
  expect(share(needed)).toBeGreaterThan(0.76);
  expect(share(needed)).toBeLessThan(0.86);
  expect(share(Math.ceil(needed / 2))).toBeLessThan(0.6);
});

test("a difference that is not seen needs more seeds than there were", () => {
  const values = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(values, (differences) => {
      const { n, mean, sd, ci95 } = sample(differences)!;
      const needed = seedsNeeded(sd!, mean);
      if (Math.abs(mean) <= ci95! && needed !== undefined) expect(needed).toBeGreaterThan(n);
    }),
  );
});
