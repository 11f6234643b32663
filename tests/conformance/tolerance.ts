/** How far an engine may be from the reference: the one table, by the element type it computes in. */
import { expect } from "vitest";
import type { Dtype } from "../../src/graph/graph.ts";

/** Largest difference, relative to the largest magnitude in the tensor. */
export const TOLERANCE: Readonly<Record<Exclude<Dtype, "i32">, number>> = { f32: 2e-5, bf16: 2e-2 };

/** A whole model's gradients have gone through many ops. */
export const MODEL_TOLERANCE = 1e-4;

export function expectClose(
  what: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: number,
): void {
  expect(got.length, `${what}: length`).toBe(want.length);
  let scale = 1e-6;
  for (let i = 0; i < want.length; i++) scale = Math.max(scale, Math.abs(want[i]!));
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i]! - want[i]!) / scale;
    if (!(error <= tolerance)) {
      expect.fail(
        `${what}[${i}]: got ${got[i]}, want ${want[i]}; off by ${error.toExponential(2)} of its scale`,
      );
    }
  }
}
