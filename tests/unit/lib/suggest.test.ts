import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearest } from "../../../src/lib/suggest.ts";
import { norms } from "../../../src/norms/index.ts";

test.each([
  ["", "", 0],
  ["abc", "", 3],
  ["kitten", "sitting", 3],
  ["hybird", "hybrid", 2],
  ["flaw", "lawn", 2],
])("%s and %s are %i apart", (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test("a distance: zero only to itself, and no way round is shorter", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
    }),
  );
});

test.each([
  ["hybird", "hybrid"],
  ["Hybrid-Star", "hybrid-star"],
  ["hybridstar", "hybrid-star"],
  ["mixln", "mix-ln"],
  ["depnorm", "deepnorm"],
  ["opst", "post"],
  ["transformer", undefined],
])("%s: did you mean %s?", (word, expected) => {
  expect(nearest(word, Object.keys(norms))).toBe(expected);
});

test("nothing is near in an empty list", () => {
  expect(nearest("x", [])).toBeUndefined();
});
