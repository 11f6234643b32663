import { expect, test } from "vitest";
import { erf } from "../../../../src/backends/reference/erf.ts";

/** By mpmath, to the nearest f64. */
const KNOWN: readonly (readonly [x: number, y: number])[] = [
  [1e-300, 1.1283791670955126e-300],
  [1e-8, 1.1283791670955126e-8],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [1.5, 0.9661051464753108],
  [2, 0.9953222650189527],
  [3, 0.9999779095030014],
  [4.5, 0.9999999998033839],
  [5.9, 0.9999999999999999],
  [6, 1],
  [1000, 1],
  [Infinity, 1],
];

test.each(KNOWN)("erf(%d) to within 2.4e-15, and erf is odd", (x, y) => {
  expect(Math.abs(erf(x) - y)).toBeLessThanOrEqual(2.4e-15 * y);
  expect(erf(-x)).toBe(-erf(x));
});

test("erf of zero, and of what is not a number", () => {
  expect(erf(0)).toBe(0);
  expect(erf(Number.NaN)).toBeNaN();
});
