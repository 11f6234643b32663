/** At which steps of a run a probe is due. */

/** Step 100 is one that HybridNorm's Fig. 2 shows (arXiv 2503.04598), besides the first. */
const SHOWN = 100;

/** Every k-th step, and steps 1, 100 and the last. */
export const isDue = (
  t: number,
  { every, steps }: { readonly every: number; readonly steps: number },
): boolean => t === 1 || t === SHOWN || t % every === 0 || t === steps;

/** How many of steps 1 .. `steps` are. */
export function dueSteps({ every, steps }: { readonly every: number; readonly steps: number }): number {
  const besides = new Set([1, SHOWN, steps].filter((t) => t <= steps && t % every !== 0));
  return Math.floor(steps / every) + besides.size;
}
