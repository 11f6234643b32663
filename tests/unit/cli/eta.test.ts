/** What is left of a sweep at its pace: steps from before this process, and steps made twice, are no pace. */
import { expect, test } from "vitest";
import { eta } from "../../../src/cli/progress/eta.ts";

test("the pace is that of all runs together since the first step, which had to wait for the engine", () => {
  let now = 100;
  const { after, done } = eta(40, () => now);
  now = 120;
  expect(after("a", 1)).toBe(Number.POSITIVE_INFINITY);
  now = 122;
  expect(after("b", 1)).toBeCloseTo(2 * 38);
  now = 124;
  expect(after("a", 8)).toBeCloseTo((4 / 8) * 31);
  expect(done()).toBe(9);
});

test("a run that goes on from a checkpoint brings no pace with it", () => {
  let now = 0;
  const { after, done } = eta(1000, () => now);
  after("a", 601);
  now = 2;
  expect(after("a", 602)).toBeCloseTo(2 * 398);
  expect(done()).toBe(602);
});

test("steps that are made again are left to do, and took their time", () => {
  let now = 0;
  const { after, done } = eta(21, () => now);
  for (let step = 1; step <= 11; step++) after("a", step);
  now = 11;
  expect(after("a", 6)).toBeCloseTo((11 / 10) * 15);
  expect(done()).toBe(6);
});
