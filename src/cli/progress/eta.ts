/** How long a sweep still takes, from the pace of the steps that were made since the first one here. */

export interface Eta {
  /** Steps of the sweep that are done, with those that runs went on from. */
  done(): number;
  /** A run is at `step`: seconds left for all, Infinity where no pace is known. */
  after(run: string, step: number): number;
}

/** `clock` tells seconds. */
export function eta(totalSteps: number, clock: () => number): Eta {
  let start: number | undefined;
  const at = new Map<string, number>();
  let [done, made] = [0, 0];
  return {
    done: () => done,
    after(run, step) {
      const before = at.get(run);
      at.set(run, step);
      done += step - (before ?? 0);
      if (start === undefined) {
        start = clock();
        return Number.POSITIVE_INFINITY;
      }
      made += Math.max(0, step - (before ?? step - 1)); // a run that is tried again goes back
      return ((clock() - start) * (totalSteps - done)) / made;
    },
  };
}
