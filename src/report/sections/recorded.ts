/** Which runs a figure comes from, and what to say of those that have nothing for it. */

import type { ReportData, RunData } from "../data/report-data.ts";
import { listed } from "../page/blocks.ts";

export interface Recorded {
  /** Names of the runs that have it. */
  readonly runs: readonly string[];
  /** A sentence with a space before it, where started runs of arms that are drawn lack it. */
  readonly note: string;
}

export function recordedBy(
  { arms, runs }: Pick<ReportData, "arms" | "runs">,
  has: (run: RunData) => boolean,
): Recorded {
  const drawn = new Set(arms.filter(({ series }) => series !== undefined).flatMap((arm) => arm.runs));
  const having = runs.filter((run) => drawn.has(run) && has(run)).map(({ name }) => name);
  const without = runs.filter((run) => drawn.has(run) && !has(run)).map(({ name }) => name);
  const note = without.length === 0 ? "" : ` Nothing recorded by ${listed(without, 6)}.`;
  return { runs: having, note };
}
