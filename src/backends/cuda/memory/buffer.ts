/** Buffers of device memory, before and after anyone knows where they are. */
import { remaindersAt, STORAGE_BYTES, type Storage } from "./storage.ts";

/** One piece of memory. Its identity is all there is until the memory plan has placed it. */
export interface Buffer {
  readonly bytes: number;
}

/** Elements of one type within a buffer. */
export interface BufferView {
  readonly buffer: Buffer;
  /** Bytes from the buffer's start. */
  readonly offset: number;
  readonly storage: Storage;
  readonly elements: number;
}

/** `elements` elements of a view, from number `from` on. */
export const slice = (view: BufferView, from: number, elements: number): BufferView => ({
  ...view,
  offset: view.offset + from * STORAGE_BYTES[view.storage],
  elements,
});

/** Split elements as the bf16 that are nearest to them. */
export const nearest = (view: BufferView): BufferView => ({ ...view, storage: "bf16" });

/** The two parameters for elements that may be split: they, and the remainders of those that are. */
export const exactly = (view: BufferView): readonly [BufferView, BufferView | null] => {
  if (view.storage !== "split") return [view, null];
  const offset = view.offset + remaindersAt(view.elements);
  return [view, { ...view, offset, storage: "bf16" }];
};
