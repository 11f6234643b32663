/**
 * How elements lie in device memory. Everything is computed in f32, whatever it is stored in. `split`: every bit of an
 * f32 in two parts, its nearest bf16 and then, after all of those, a remainder of 16 bits (see bf16.ts).
 */
export type Storage = "bf16" | "f32" | "i32" | "split";
export const STORAGE_BYTES: Readonly<Record<Storage, number>> = { bf16: 2, f32: 4, i32: 4, split: 4 };
/** What that many elements take: each part of split ones begins where 16 bytes can be read at once. */
export const bytesOf = (storage: Storage, elements: number): number =>
  storage === "split" ? 2 * remaindersAt(elements) : elements * STORAGE_BYTES[storage];
/** Bytes from the start of split elements to their remainders. */
export const remaindersAt = (elements: number): number => Math.ceil((2 * elements) / 16) * 16;
/** What kernels call the types, for `-D` options. */
export const C_TYPE: Readonly<Record<Storage, string>> = {
  bf16: "bf16",
  f32: "float",
  i32: "int",
  split: "split",
};
