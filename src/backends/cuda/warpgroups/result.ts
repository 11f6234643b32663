/** What the process that tests kernels of warpgroups is told and says, and what follows from it. */
import type { Floats } from "../../backend.ts";
import type { LibraryPaths } from "../driver/libraries.ts";
import type { WarpgroupKernel } from "../lower/warpgroups.ts";
import type { Extents } from "./cases.ts";

export interface SelfTestJob {
  readonly libraries: LibraryPaths;
  /** Of compiled kernels. */
  readonly folder: string;
  readonly kernels: readonly WarpgroupKernel[];
  readonly extents: Extents;
  /** Compile what all of them need before the first, on all processors. */
  readonly ahead: boolean;
}

/** What came of one kernel. `ms`: of its baseline and of itself, where it was not far off. */
export type Measurement = { readonly off: number; readonly ms?: Times } | { readonly why: string };
type Times = readonly [baseline: number, own: number];

/** `testing`: its baseline has done all of it, so what goes wrong from here on is this kernel's fault. */
export type Message =
  | { readonly progress: string }
  | { readonly testing: WarpgroupKernel }
  | { readonly tested: WarpgroupKernel; readonly measurement: Measurement };

/** Whether a kernel is used, and why not. */
export interface KernelResult {
  readonly ok: boolean;
  readonly why?: string;
  readonly off?: number;
  /** Milliseconds. */
  readonly ms?: Times;
}

/**
 * How far a row of results may be from the baseline's, by its length. Both sum in f32 and round to bf16, by at most
 * 2^-9 of each value, on the way (softmax's probabilities) and at the end; their orders differ, and so do the
 * roundings, which are 2^-8 apart at the most. A product in the wrong place, or one left out, is off by tenths.
 */
export const TOLERANCE = 2 ** -6;

export function resultOf(measurement: Measurement): KernelResult {
  if ("why" in measurement) return { ok: false, why: measurement.why };
  const { off, ms } = measurement;
  if (!(off <= TOLERANCE))
    return { ok: false, why: `its results are off by ${off.toPrecision(2)}, more than ${TOLERANCE}` };
  if (ms === undefined) return { ok: false, why: "it was not timed", off };
  const [baseline, own] = ms;
  return own < baseline ? { ok: true, off, ms } : { ok: false, why: "it is not faster", off, ms };
}

/**
 * The row that is farthest off: |got - want| by |want|, or by the root of what rows have in the mean where that is more.
 * A value that is no number is infinitely far off.
 */
export function largestRowError(got: Floats, want: Floats, columns: number): number {
  const rows = want.length / columns;
  const [squares, apart] = [new Float64Array(rows), new Float64Array(rows)];
  for (let row = 0, i = 0; row < rows; row++) {
    for (const end = i + columns; i < end; i++) {
      squares[row]! += want[i]! * want[i]!;
      apart[row]! += (got[i]! - want[i]!) ** 2;
    }
  }
  const mean = squares.reduce((sum, square) => sum + square, 0) / rows;
  const offs = squares.map((square, row) =>
    apart[row] === 0 ? 0 : Math.sqrt(apart[row]! / Math.max(square, mean)),
  );
  return offs.some(Number.isNaN) ? Infinity : offs.reduce((worst, off) => Math.max(worst, off), 0);
}
