/**
 * Spikes of a series: a value well above the median of those shortly before it. Running, in one pass, with a window of
 * values kept in order.
 */

import { medianOfSorted } from "../../lib/statistics.ts";

/** Values before this one that make the median, and how many there must be of them. */
export const SPIKE_WINDOW = 64;
const SPIKE_FROM = 8;

/** Times the median at which a value is a spike: training loss in nats, and the global gradient norm. */
export const SPIKE_FACTOR = { loss: 1.25, gradNorm: 3 } as const;

export interface Spike {
  readonly step: number;
  /** Times the running median. */
  readonly factor: number;
}

interface SpikeWatch {
  add(step: number, value: number): void;
  readonly count: number;
  /** The largest by its factor. */
  readonly worst: Spike | undefined;
}

/**
 * A value that is not finite is no spike and not in the window: that is divergence, which is told as such. Nothing is a spike
 * against a median of zero, which a gradient has at steps whose every token is masked.
 */
export function spikeWatch(factor: number): SpikeWatch {
  const recent: number[] = [];
  const sorted: number[] = [];
  const found = { count: 0, worst: undefined as Spike | undefined };
  return {
    get count() {
      return found.count;
    },
    get worst() {
      return found.worst;
    },
    add(step, value) {
      if (!Number.isFinite(value)) return;
      if (recent.length >= SPIKE_FROM) {
        const median = medianOfSorted(sorted);
        const ratio = value / median;
        if (median > 0 && ratio > factor) {
          found.count++;
          if (ratio > (found.worst?.factor ?? 0)) found.worst = { step, factor: ratio };
        }
      }
      recent.push(value);
      sorted.splice(place(sorted, value), 0, value);
      if (recent.length > SPIKE_WINDOW) sorted.splice(place(sorted, recent.shift()!), 1);
    },
  };
}

/** The index of the first value that is not below this one. */
function place(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
