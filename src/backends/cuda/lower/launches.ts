/** What the lowerings of this folder share: how a view's element type is called in a kernel, and grids of plain loops. */
import type { BufferView } from "../memory/buffer.ts";
import { C_TYPE } from "../memory/storage.ts";

export const BLOCK = 256;

/** The C type of a view's elements. */
export const typeOf = (view: BufferView): string => C_TYPE[view.storage];

/** Blocks for `items` threads of work, one each. */
export const blocksFor = (items: number): number => Math.max(1, Math.ceil(items / BLOCK));

/** Blocks for an elementwise kernel over n elements, 8 to a thread. */
export const elementwise = (n: number): number => blocksFor(n / 8);

/** Elements that a thread of a row kernel moves at once: 16 bytes of bf16 where the width allows it. */
export const packOf = (width: number): number => (width % 8 === 0 ? 8 : 1);
