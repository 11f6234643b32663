import { expect, test } from "vitest";
import { memoize } from "../../../src/lib/memo.ts";

test("computes once for the very same object, for equal words once, undefined included", () => {
  const asked: unknown[] = [];
  const f = memoize((value: unknown) => {
    asked.push(value);
    return value === "nothing" ? undefined : [value];
  });
  const [a, b] = [{ x: 1 }, { x: 1 }];
  for (const value of [a, b, "word", "nothing", undefined, 7, null]) expect(f(value)).toBe(f(value));
  expect(f(a)).not.toBe(f(b));
  expect(asked).toEqual([a, b, "word", "nothing", undefined, 7, null]);
});
