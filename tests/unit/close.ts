import { expect } from "vitest";

/** As many numbers, each within `tolerance` of its partner, absolutely or relatively, whichever is wider. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-13): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    expect(error, `[${i}]: ${actual[i]} for ${expected[i]}`).toBeLessThanOrEqual(tolerance);
  }
}
