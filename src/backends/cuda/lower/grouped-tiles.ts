/** How the grouped products cut up their work: tiles, by whom they are computed, and the shared memory that takes. */
import type { Context } from "./lowering.ts";
import type { WarpgroupKernel } from "./warpgroups.ts";

/** Rows and columns of a tile. */
export const TILE = 128;
/** The `-D` options of grouped.cuh: by warps, and by warpgroups. */
export const TILINGS = {
  warps: { TILE, DEPTH: 32, STAGES: 3, THREADS: 128 },
  warpgroups: { TILE, DEPTH: 64, STAGES: 3, THREADS: 256, WARPGROUPS: 1 },
} as const;
type Tiling = (typeof TILINGS)[keyof typeof TILINGS];
/** A multiprocessor holds two blocks: what their sums take of its registers. */
const BLOCKS = 2;

/** By warpgroups where they are found faster, and where all rows of a factor are whole words of 16 bytes. */
export const tilingFor = ({ gpu }: Context, kernel: WarpgroupKernel, widths: readonly number[]): Tiling =>
  gpu.warpgroups.includes(kernel) && widths.every((width) => width % 8 === 0)
    ? TILINGS.warpgroups
    : TILINGS.warps;

/** How a piece of a factor lies in shared memory: the summed index along its rows, or from row to row. */
type Piece = "along" | "down";

/** Dynamic shared memory of a tile's two factors: without gaps from a multiple of 1 KiB on, or rows 16 bytes apart. */
function sharedBytes(tiling: Tiling, factors: readonly [Piece, Piece]): number {
  const { DEPTH, STAGES } = tiling;
  if ("WARPGROUPS" in tiling) return 1024 + 2 * STAGES * 2 * TILE * DEPTH;
  const elements = { along: TILE * (DEPTH + 8), down: DEPTH * (TILE + 8) };
  return 2 * STAGES * (elements[factors[0]] + elements[factors[1]]);
}

/** What all launches here have in common. */
export const persistent = (
  { gpu }: Context,
  tiling: Tiling,
  tiles: number,
  factors: readonly [Piece, Piece],
) => ({
  grid: Math.min(tiles, BLOCKS * gpu.multiprocessors),
  block: tiling.THREADS,
  sharedBytes: sharedBytes(tiling, factors),
});

/** The most tiles that rows of several experts take, `width` columns to a tile: each expert may end with a part of one. */
export const mostTiles = (rows: number, experts: number, columns: number, width: number): number =>
  (Math.floor(rows / TILE) + Math.min(experts, rows)) * Math.ceil(columns / width);
