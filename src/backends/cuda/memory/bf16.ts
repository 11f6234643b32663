/** bf16 on the host: the upper half of an f32. */

/** Rounded to nearest, ties to even; NaN stays NaN. */
export function encodeBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (x) =>
    (x & 0x7fffffff) > 0x7f800000 ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16,
  );
}

export function decodeBf16(bits: Uint16Array): Float32Array {
  const wide = Uint32Array.from(bits, (x) => x << 16);
  return new Float32Array(wide.buffer);
}

/**
 * An f32 as its nearest bf16 and what its bits are more than those, 4 bytes in all and none of them lost:
 *   bits(x) = 2^16 bits(nearest) + remainder,   remainder in [-2^15, 2^15)
 * For each bf16 there are 2^16 remainders, so of two that are equally near it is always the one farther from zero (to
 * even, one in two would need 2^16 + 1). All NaN become one, which is NaN in bf16 too.
 */
export interface SplitF32 {
  readonly nearest: Uint16Array;
  /** Signed, as 16 bits. */
  readonly remainders: Uint16Array;
}

export function splitF32(values: Float32Array): SplitF32 {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length).map((x) =>
    (x & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : x,
  );
  return { nearest: Uint16Array.from(bits, (x) => (x + 0x8000) >>> 16), remainders: Uint16Array.from(bits) };
}

export function joinF32({ nearest, remainders }: SplitF32): Float32Array {
  const bits = Uint32Array.from(nearest, (x, i) => (x << 16) + ((remainders[i]! << 16) >> 16));
  return new Float32Array(bits.buffer);
}
