/** Regions of device memory, before and after anyone knows where they are. */
import { remaindersAt, STORAGE_BYTES, type Storage } from "./storage.ts";

/** One piece of memory. Its identity is all there is until the memory plan has placed it. */
export interface Buffer {
  readonly bytes: number;
}

/** Elements of one type within a buffer. */
export interface Region {
  readonly buffer: Buffer;
  /** Bytes from the buffer's start. */
  readonly offset: number;
  readonly storage: Storage;
  readonly elements: number;
}

/** `elements` elements of a region, from number `from` on. */
export const slice = (region: Region, from: number, elements: number): Region => ({
  ...region,
  offset: region.offset + from * STORAGE_BYTES[region.storage],
  elements,
});

/** Split elements as the bf16 that are nearest to them. */
export const nearest = (region: Region): Region => ({ ...region, storage: "bf16" });

/** The two parameters for elements that may be split: they, and the remainders of those that are. */
export const exactly = (region: Region): readonly [Region, Region | null] => {
  if (region.storage !== "split") return [region, null];
  const offset = region.offset + remaindersAt(region.elements);
  return [region, { ...region, offset, storage: "bf16" }];
};
