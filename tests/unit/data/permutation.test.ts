import fc from "fast-check";
import { expect, test } from "vitest";
import { permutation } from "../../../src/data/permutation.ts";

const all = (n: number, seed: number, epoch: number) =>
  Array.from({ length: n }, (_, i) => permutation(n, seed, epoch)(i));

test("it is a bijection of 0..n-1 for every n, seed and epoch", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(), fc.nat({ max: 50 }), (n, seed, epoch) => {
      const images = all(n, seed, epoch).sort((a, b) => a - b);
      expect(images).toEqual(Array.from({ length: n }, (_, i) => i));
    }),
    { numRuns: 150 },
  );
});

test("it stays inside a range too large to list, without repeating itself", () => {
  for (const n of [2 ** 32, 2 ** 32 - 1, 3_000_000_019]) {
    const order = permutation(n, 7, 0);
    const images = Array.from({ length: 1000 }, (_, i) => order(n - 1 - i));
    expect(images.every((x) => Number.isInteger(x) && x >= 0 && x < n)).toBe(true);
    expect(new Set(images).size).toBe(1000);
  }
});

test("another seed or epoch gives another order, the same ones the same", () => {
  expect(all(1000, 1, 0)).toEqual(all(1000, 1, 0));
  expect(all(1000, 1, 0)).not.toEqual(all(1000, 2, 0));
  expect(all(1000, 1, 0)).not.toEqual(all(1000, 1, 1));
});

test("over seeds, every place of a small range gets every index about equally often", () => {
  const [n, seeds] = [7, 7000];
  const counts = Array.from({ length: n }, () => new Float64Array(n));
  for (let seed = 0; seed < seeds; seed++)
    for (const [i, image] of all(n, seed, 3).entries()) counts[i]![image]!++;
  // Expected 1000 per cell, standard deviation 29: five of them.
  for (const row of counts) for (const count of row) expect(Math.abs(count - seeds / n)).toBeLessThan(150);
});

test("neighbours are torn apart: the order is not a shift or a stride", () => {
  const order = all(5000, 11, 0);
  const steps = new Set(order.slice(1).map((x, i) => x - order[i]!));
  expect(steps.size).toBeGreaterThan(3000);
});

test("golden: these orders are part of every published run", () => {
  expect(all(10, 1, 0)).toMatchInlineSnapshot(`
    [
      7,
      4,
      1,
      6,
      0,
      2,
      9,
      3,
      5,
      8,
    ]
  `);
  expect([0, 1, 999_999].map(permutation(1_000_000, 42, 3))).toMatchInlineSnapshot(`
    [
      188206,
      944491,
      188554,
    ]
  `);
});
