/**
 * How the attention kernels cut up their work: what is kept by a thread block, and what streams past it. Chosen so that
 * every kernel keeps its sums in registers (at most 255 a thread) and a tensor-core operand, once loaded from shared
 * memory, serves two tiles wherever there is room for that.
 */
import { UserError } from "../../../lib/errors.ts";

export type AttentionKernel = "forward" | "grad-kv" | "grad-q";

export interface Tiles {
  readonly warps: number;
  /** 16-row tiles of one warp. */
  readonly tiles: number;
  /** Streamed rows of one step. */
  readonly block: number;
}

const tiling = (warps: number, tiles: number, block: number): Tiles => ({ warps, tiles, block });

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

/** Rows of a head that a thread block keeps. */
export const ownRows = ({ warps, tiles }: Tiles): number => 16 * warps * tiles;

/** Dynamic shared memory of a kernel: its kept and its streamed rows, as its source says. */
export function sharedBytes(kernel: AttentionKernel, headDim: number, tiles: Tiles): number {
  const rowBytes = 2 * (16 * Math.ceil(headDim / 16) + 8);
  const own = ownRows(tiles);
  if (kernel === "forward") return (own + 2 * tiles.block) * rowBytes;
  const numbers = kernel === "grad-kv" ? 4 * 4 * tiles.block : 0;
  return (2 * own + 4 * tiles.block) * rowBytes + numbers;
}

/** The fastest tiling that a block's shared memory has room for. */
export function tilesFor(kernel: AttentionKernel, headDim: number, available: number): Tiles {
  const choices = TABLE[kernel].find(({ width }) => headDim <= width)?.choices ?? [];
  const found = choices.find((tiles) => sharedBytes(kernel, headDim, tiles) <= available);
  if (found === undefined || headDim % 2 !== 0) {
    throw new UserError(
      `engine cuda: attention heads of size ${headDim} do not fit; it takes even sizes up to 256 ` +
        `(up to 128 on small GPUs): choose n_heads or head_dim accordingly`,
    );
  }
  return found;
}
