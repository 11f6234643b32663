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
