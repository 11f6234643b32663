/** How far a model's gradients on this engine may be from the reference's. */
import { expect } from "vitest";
import type { Device, Engine } from "../../src/backends/backend.ts";
import { decodeBf16, encodeBf16 } from "../../src/backends/cuda/memory/bf16.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import type { ModelSpec } from "../../src/model/graphs.ts";
import { gradients } from "../conformance/nano.ts";

/**
 * What an error is compared with: how far the gradient moves when nothing but the weights is rounded to bf16. The
 * engine rounds activations and their gradients as well, each many times, so a few times that is expected of it.
 */
const TIMES_ROUNDED_WEIGHTS = 4;
/** Where rounding the weights happens to change next to nothing: a few roundings of 2^-9 each. */
const LEAST = 0.03;

/** ||a - b|| / ||b||. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let [off, whole] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    off += (a[i]! - b[i]!) ** 2;
    whole += b[i]! ** 2;
  }
  return Math.sqrt(off / (whole || 1));
}

export type Named = ReadonlyMap<string, ArrayLike<number>>;

/** The reference's gradients, and how far each may be missed. */
export async function expected(spec: ModelSpec, batch: number) {
  const want = await gradients(reference, spec, batch);
  const rounded = await gradients(rounding(reference), spec, batch);
  const allowed = (name: string) => allowance(rounded.get(name)!, want.get(name)!);
  return {
    /** `apart`: tensors that are not compared. */
    check(got: Named, apart?: RegExp) {
      for (const [name, values] of want)
        if (!apart?.test(name))
          expect(distance(got.get(name)!, values), `relative error of ${name}`).toBeLessThan(allowed(name));
    },
  };
}

/** Of a distance to `want`; `rounded`: what comes out where nothing but the weights is rounded. */
export const allowance = (rounded: ArrayLike<number>, want: ArrayLike<number>): number =>
  Math.max(LEAST, TIMES_ROUNDED_WEIGHTS * distance(rounded, want));

/** The engine with its matrices rounded to bf16 as they are written. */
export const rounding = (on: Engine): Engine => ({
  ...on,
  async open(options) {
    const device = await on.open(options);
    const write: Device["write"] = (name, shape, values) =>
      device.write(
        name,
        shape,
        shape.length < 2 ? values : decodeBf16(encodeBf16(Float32Array.from(values))),
      );
    return {
      write,
      compile: (planned) => device.compile(planned),
      read: (name) => device.read(name),
      close: () => device.close(),
    };
  },
});
