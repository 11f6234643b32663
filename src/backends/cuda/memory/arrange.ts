/**
 * Offline memory planning: pieces with known lifetimes share one arena, whose size is known before anything runs.
 * Largest first, each into the tightest gap that is free all its life (best fit), else at the lowest end that is.
 */

/** Addresses are multiples of this: what the widest loads and the matrix library like. */
export const ALIGNMENT = 256;

/** A piece of memory in use from step `from` to step `to`, both included. */
export interface Span {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

export interface Arrangement {
  /** Where each span starts, in the order given. */
  readonly offsets: readonly number[];
  /** Bytes of the whole arena. */
  readonly total: number;
}

interface Placed {
  readonly span: Span;
  readonly start: number;
  readonly end: number;
}

export function arrange(spans: readonly Span[]): Arrangement {
  const offsets = new Array<number>(spans.length).fill(0);
  const order = spans.map((_, i) => i).sort((a, b) => spans[b]!.bytes - spans[a]!.bytes || a - b);
  const placed: Placed[] = []; // by start
  let total = 0;
  for (const i of order) {
    const span = spans[i]!;
    const start = bestFit(span, placed);
    const end = start + aligned(span.bytes);
    offsets[i] = start;
    total = Math.max(total, end);
    const at = placed.findIndex((p) => p.start > start);
    placed.splice(at < 0 ? placed.length : at, 0, { span, start, end });
  }
  return { offsets, total };
}

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Walks upwards over what is alive at the same time, and takes the smallest gap that is large enough. */
function bestFit(span: Span, placed: readonly Placed[]): number {
  const needed = aligned(span.bytes);
  let best = { start: 0, gap: Infinity };
  let free = 0;
  for (const { span: other, start, end } of placed) {
    if (other.to < span.from || span.to < other.from) continue;
    const gap = start - free;
    if (gap >= needed && gap < best.gap) best = { start: free, gap };
    free = Math.max(free, end);
  }
  return best.gap === Infinity ? free : best.start;
}
