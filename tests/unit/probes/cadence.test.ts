import fc from "fast-check";
import { expect, test } from "vitest";
import { dueSteps, isDue } from "../../../src/probes/cadence.ts";

test("every k-th step, the first, the hundredth and the last", () => {
  const due = (every: number, steps: number) =>
    Array.from({ length: steps }, (_, i) => i + 1).filter((t) => isDue(t, { every, steps }));
  expect(due(30, 102)).toEqual([1, 30, 60, 90, 100, 102]);
  expect(due(1000, 7)).toEqual([1, 7]);
  expect(due(50, 150)).toEqual([1, 50, 100, 150]);
  expect(due(1, 3)).toEqual([1, 2, 3]);
});

test("counted without walking through them", () => {
  const positive = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(positive, positive, (every, steps) => {
      const walked = Array.from({ length: steps }, (_, i) => i + 1).filter((t) => isDue(t, { every, steps }));
      return dueSteps({ every, steps }) === walked.length;
    }),
  );
});
