/**
 * How the attention kernels cut up their work: what is kept by a thread block, and what streams past it. Chosen so that
 * every kernel keeps its sums in registers (at most 255 a thread) and a tensor-core operand, once loaded from shared
 * memory, serves two tiles wherever there is room for that.
 */
import { UserError } from "../../../lib/errors.ts";
import type { Gpu } from "./lowering.ts";

export type AttentionKernel = "forward" | "grad-kv" | "grad-q";

export interface Tiles {
  readonly warps: number;
  /** 16-row tiles of one warp. */
  readonly tiles: number;
  /** Streamed rows of one step. */
  readonly block: number;
  /** Four warps multiply together (Hopper). */
  readonly warpgroups?: true;
}

const tiling = (warps: number, tiles: number, block: number): Tiles => ({ warps, tiles, block });
const byWarpgroups = (groups: number, block: number): Tiles => {
  return { warps: 4 * groups, tiles: 1, block, warpgroups: true };
};

/** For heads up to `width` wide, the fastest first; the others need less shared memory. */
const TABLE: Readonly<Record<AttentionKernel, readonly { width: number; choices: readonly Tiles[] }[]>> = {
  forward: [
    { width: 128, choices: [tiling(4, 2, 64), tiling(4, 1, 32)] },
    { width: 256, choices: [tiling(4, 1, 32), tiling(2, 1, 16)] },
  ],
  "grad-kv": [
    { width: 64, choices: [tiling(4, 2, 32)] },
    { width: 128, choices: [tiling(8, 1, 64), tiling(4, 1, 32)] },
    { width: 256, choices: [tiling(4, 1, 16), tiling(2, 1, 16)] },
  ],
  "grad-q": [
    { width: 128, choices: [tiling(4, 2, 32), tiling(4, 1, 32)] },
    { width: 256, choices: [tiling(4, 1, 32), tiling(2, 1, 16)] },
  ],
};

/**
 * For heads of exactly that width. Chosen for 12 or 16 warps of a multiprocessor where the registers are enough for
 * that, so that some compute weights while others multiply; not yet on a GPU.
 */
const WARPGROUPS: Readonly<Record<AttentionKernel, Readonly<Record<number, Tiles>>>> = {
  forward: { 64: byWarpgroups(2, 64), 96: byWarpgroups(2, 64), 128: byWarpgroups(2, 128) },
  "grad-kv": { 64: byWarpgroups(3, 64), 96: byWarpgroups(2, 64), 128: byWarpgroups(2, 64) },
  "grad-q": { 64: byWarpgroups(2, 64), 96: byWarpgroups(3, 64), 128: byWarpgroups(3, 64) },
};

/** The `-D` options of attention.cuh. */
export const definesOf = (headDim: number, { warps, tiles, block, warpgroups }: Tiles) => ({
  HEAD_DIM: headDim,
  WARPS: warps,
  TILES: tiles,
  BLOCK: block,
  ...(warpgroups ? { WARPGROUPS: 1 } : {}),
});

/** Rows of a head that a thread block keeps. */
export const ownRows = ({ warps, tiles }: Tiles): number => 16 * warps * tiles;

/** Dynamic shared memory of a kernel: its kept and its streamed rows, as its source says. */
export function sharedBytes(kernel: AttentionKernel, headDim: number, tiles: Tiles): number {
  const { block, warpgroups } = tiles;
  // Without gaps from a multiple of 1 KiB on, or 16 bytes apart.
  const [width, before] = [16 * Math.ceil(headDim / 16), warpgroups ? 1024 : 0];
  const rowBytes = 2 * (warpgroups ? width : width + 8);
  const own = ownRows(tiles);
  if (kernel === "forward") return before + (own + (warpgroups ? 4 : 2) * block) * rowBytes;
  const numbers = kernel === "grad-kv" ? 4 * 4 * block : 0;
  return before + (2 * own + 4 * block) * rowBytes + numbers;
}

/** The tiling by warpgroups where they are found faster, else the fastest that a block's shared memory has room for. */
export function tilesFor(
  kernel: AttentionKernel,
  headDim: number,
  gpu: Pick<Gpu, "sharedBytes" | "warpgroups">,
): Tiles {
  const fits = (tiles: Tiles) => sharedBytes(kernel, headDim, tiles) <= gpu.sharedBytes;
  const grouped = WARPGROUPS[kernel][headDim];
  const known: readonly string[] = gpu.warpgroups;
  if (grouped !== undefined && known.includes(`attention-${kernel}-${headDim}`) && fits(grouped))
    return grouped;
  const choices = TABLE[kernel].find(({ width }) => headDim <= width)?.choices ?? [];
  const found = choices.find(fits);
  if (found === undefined || headDim % 2 !== 0) {
    throw new UserError(
      `engine cuda: attention heads of size ${headDim} do not fit; it takes even sizes up to 256 ` +
        `(up to 128 on small GPUs): choose n_heads or head_dim accordingly`,
    );
  }
  return found;
}
