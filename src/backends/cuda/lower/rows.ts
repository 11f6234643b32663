/** How the row kernels (rows.cuh) cut up rows of one width: as many threads to a row as it has packs, up to 256. */
import { packOf } from "./launches.ts";

export interface RowTile {
  /** Threads that share a row. */
  readonly group: number;
  /** Rows side by side in a block. */
  readonly side: number;
  /** Packs of a row that one thread holds. */
  readonly vectors: number;
  readonly threads: number;
}

/** A row's threads: more than 256 only where they would hold more than two packs each. */
function rowTile(width: number): RowTile {
  const packs = Math.ceil(width / packOf(width));
  const limit = packs <= 512 ? 256 : packs <= 1024 ? 512 : 1024;
  const vectors = Math.ceil(packs / limit);
  const each = Math.ceil(packs / vectors);
  const group = each <= 32 ? 2 ** Math.ceil(Math.log2(each)) : Math.ceil(each / 32) * 32;
  const side = Math.max(1, Math.floor(256 / group));
  return { group, side, vectors, threads: group * side };
}

/** Rows a block takes at once, times `unroll`, and the `-D` options. */
export function rowDefines(width: number, unroll: number) {
  const { group, side, threads } = rowTile(width);
  return {
    define: { WIDTH: width, GROUP: group, SIDE: side, UNROLL: unroll },
    threads,
    rowsAtOnce: side * unroll,
  };
}

/** Forward kernels hold one or two inputs of a row in registers: 4 packs' worth, so that enough loads are in flight. */
export const forwardUnroll = (width: number): number => Math.max(1, Math.floor(4 / rowTile(width).vectors));

/**
 * The backward kernel also holds the gain's gradient: two rows of one pack, or one row. Blocks of one multiprocessor as
 * its registers allow: 64 a thread with one pack, 80 with two, or where places are found by dividing by no power of two.
 */
export function backwardShape(width: number): { readonly unroll: number; readonly blocks: number } {
  const { group, side, vectors, threads } = rowTile(width);
  const divides = side > 1 && !Number.isInteger(Math.log2(group));
  const registers = vectors > 2 ? 128 : vectors === 2 || divides ? 80 : 64;
  return { unroll: vectors === 1 ? 2 : 1, blocks: Math.max(1, Math.floor(65536 / (registers * threads))) };
}
