import { expect, test } from "vitest";
import { bytes, count, duration, fixed, flops, significant } from "../../../src/lib/format.ts";

const odd: readonly unknown[] = [
  Number.NaN,
  Infinity,
  -Infinity,
  null,
  undefined,
  "word",
  {},
  1e308,
  5e-324,
  -0,
];

test("no formatter throws, whatever it is given", () => {
  for (const value of odd as readonly number[])
    for (const format of [
      count,
      bytes,
      flops,
      duration,
      (n: number) => fixed(n, 3),
      (n: number) => significant(n, 3),
    ])
      expect(() => format(value), `${format} of ${value}`).not.toThrow();
  expect(fixed(0, 300)).toHaveLength(102);
});

test("numbers that are not finite are spelled as in the files, what is not there is a dash", () => {
  expect([Number.NaN, Infinity, -Infinity, null, undefined].map((n) => fixed(n, 2))).toEqual([
    "nan",
    "inf",
    "-inf",
    "-",
    "-",
  ]);
  expect([count(Number.NaN), bytes(Infinity), flops(Number.NaN)]).toEqual(["nan", "inf B", "nan FLOP"]);
});

test("large ones have three digits: a column is not as wide as a gradient that exploded", () => {
  expect([fixed(3_907_405_649_722.3, 3), fixed(-2e7, 0), fixed(9_999_999, 1)]).toEqual([
    "3.91e+12",
    "-2.00e+7",
    "9999999.0",
  ]);
});

test("finite ones as before", () => {
  expect([fixed(2.34567, 3), significant(0.012345, 2), count(12_345), bytes(1536)]).toEqual([
    "2.346",
    "0.012",
    "12.3k",
    "1.5 KiB",
  ]);
});
