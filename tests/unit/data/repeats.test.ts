import fc from "fast-check";
import { expect, test } from "vitest";
import { maskRepeats, repeats, repeatsSchema } from "../../../src/data/repeats.ts";
import { dataSchema } from "../../../src/data/schema.ts";

/** Whether some pattern stands so often in a row, by trying every place. */
function plainly(ids: readonly number[], max_period: number, times: number): boolean {
  for (let period = 1; period <= max_period; period++)
    for (let start = 0; start + period * times <= ids.length; start++)
      if (
        Array.from({ length: period * times }, (_, i) => i).every(
          (i) => ids[start + i] === ids[start + (i % period)],
        )
      )
        return true;
  return false;
}

test("finds what trying every place finds", () => {
  const few = fc.integer({ min: 1, max: 3 });
  fc.assert(
    fc.property(fc.array(fc.nat(2), { maxLength: 40 }), few, few, (ids, max_period, more) => {
      const filter = { max_period, times: more + 1 };
      expect(repeats(Int32Array.from(ids), filter)).toBe(plainly(ids, max_period, more + 1));
    }),
    { numRuns: 500 },
  );
});

test("OLMo's numbers: 13 ids 32 times is too much, 31 times or 14 ids is not", () => {
  const filter = repeatsSchema.parse({});
  const pattern = (period: number, times: number) =>
    Int32Array.from([-1, ...Array.from({ length: period * times }, (_, i) => i % period), -2]);
  expect(filter).toEqual({ max_period: 13, times: 32 });
  expect(repeats(pattern(13, 32), filter)).toBe(true);
  expect(repeats(pattern(1, 32), filter)).toBe(true);
  expect(repeats(pattern(13, 31), filter)).toBe(false);
  expect(repeats(pattern(14, 40), filter)).toBe(false);
});

test("a window that repeats weighs nothing; its last target alone does not decide", () => {
  const filter = { max_period: 1, times: 4 };
  const windows = Int32Array.from([7, 7, 7, 7, 1, /**/ 1, 7, 7, 7, 7, /**/ 1, 2, 3, 4, 5]);
  const weights = new Float32Array(12);
  maskRepeats(windows, 4, filter, 0.5, weights);
  expect([...weights]).toEqual([0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
});

test("a config asks for it under data", () => {
  const source = { name: "text", train: "a", validation: "b" };
  expect(dataSchema.parse({ source, mask_repeats: {} }).mask_repeats).toEqual({ max_period: 13, times: 32 });
  expect(dataSchema.parse({ source })).not.toHaveProperty("mask_repeats");
});
