/** An f32 in two parts: every bit comes back, and the first part is the nearest bf16. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBf16, encodeBf16, joinF32, splitF32 } from "../../../../../src/backends/cuda/memory/bf16.ts";

const floats = (bits: readonly number[]) => new Float32Array(Uint32Array.from(bits).buffer);
const bitsOf = (values: Float32Array) => [...new Uint32Array(values.buffer)];

/** Zeros, the least and the largest of subnormal and normal numbers, ties below even and odd bf16, infinities. */
const special = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x18000, 0x7fffff, 0x800000, 0x3f808000, 0x3f818000]
  .concat([0x3f80ffff, 0x7f7f7fff, 0x7f7f8000, 0x7f7fffff, 0x7f800000])
  .flatMap((bits) => [bits, (bits | 0x80000000) >>> 0]);

const anyBits = fc.integer({ min: 0, max: 0xffffffff }).filter((x) => (x & 0x7fffffff) <= 0x7f800000);

test("every bit comes back", () => {
  expect(bitsOf(joinF32(splitF32(floats(special))))).toEqual(special);
  fc.assert(
    fc.property(fc.array(anyBits), (bits) => {
      expect(bitsOf(joinF32(splitF32(floats(bits))))).toEqual(bits);
    }),
  );
});

test("the first part is the nearest bf16; of two, the one farther from zero", () => {
  fc.assert(
    fc.property(fc.oneof(anyBits, fc.constantFrom(...special)), (bits) => {
      const [nearest] = splitF32(floats([bits])).nearest;
      const tie = (bits & 0xffff) === 0x8000;
      const upper = bits >>> 16;
      expect(nearest).toBe(tie ? upper + 1 : encodeBf16(floats([bits]))[0]);
    }),
  );
});

test("what is no number stays none, in bf16 too", () => {
  for (const bits of [0x7f800001, 0x7fc00000, 0x7fffffff, 0xff800001, 0xffffffff]) {
    const parts = splitF32(floats([bits]));
    expect(decodeBf16(parts.nearest)[0]).toBeNaN();
    expect(joinF32(parts)[0]).toBeNaN();
  }
});
