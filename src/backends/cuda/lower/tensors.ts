/** Many tensors in one launch: which of them go together, and which of its blocks are whose (kernels/tensors.cuh). */

import { type BufferView, slice } from "../memory/buffer.ts";
import type { Context, Pointers } from "./lowering.ts";

/** Some tensors' launch: the table of its blocks, and how many it has. */
export interface Batch<T> {
  readonly members: readonly T[];
  readonly table: BufferView;
  readonly blocks: number;
}

/** Tensors of equal keys, in their order. */
export function alike<T>(members: readonly T[], key: (member: T) => string): readonly (readonly T[])[] {
  const found = new Map<string, T[]>();
  for (const member of members) {
    const known = found.get(key(member));
    if (known === undefined) found.set(key(member), [member]);
    else known.push(member);
  }
  return [...found.values()];
}

/**
 * Cuts the tensors into launches of up to `most`, with `blocks(n)` blocks for one of n elements. One table in the GPU's
 * memory serves them all; it depends on the sizes alone, so programs share it.
 */
export function batches<T>(
  ctx: Context,
  members: readonly T[],
  most: number,
  elements: (member: T) => number,
  blocks: (elements: number) => number,
): readonly Batch<T>[] {
  const sizes = members.map(elements);
  const starts = Array.from({ length: Math.ceil(members.length / most) }, (_, i) => i * most);
  const tables = starts.map((from) => tableOf(sizes.slice(from, from + most), most, blocks));
  const name = `blocks of tensors by ${most}: ${runs(sizes.map((n) => [n, blocks(n)].join(":")))}`;
  const whole = ctx.constant(name, "i32", () => Int32Array.from(tables.flat()));
  return tables.map((table, i) => ({
    members: members.slice(starts[i], starts[i]! + most),
    table: slice(whole, i * table.length, table.length),
    blocks: table[most]!,
  }));
}

/** The first block of each of `most` tensors and where all end, then the elements of each. */
function tableOf(sizes: readonly number[], most: number, blocks: (elements: number) => number): number[] {
  const first = [0];
  for (let t = 0; t < most; t++) first.push(first[t]! + (t < sizes.length ? blocks(sizes[t]!) : 0));
  return [...first, ...Array.from({ length: most }, (_, t) => sizes[t] ?? 0)];
}

/** `a x3, b x2`: equal ones that follow each other are said once. */
function runs(items: readonly string[]): string {
  const starts = items.flatMap((item, i) => (item === items[i - 1] ? [] : [i]));
  return starts.map((from, i) => `${items[from]} x${(starts[i + 1] ?? items.length) - from}`).join(", ");
}

/** A parameter of `most` addresses. */
export const addresses = (most: number, views: readonly (BufferView | null)[]): Pointers<BufferView> => ({
  pointers: Array.from({ length: most }, (_, i) => views[i] ?? null),
});
