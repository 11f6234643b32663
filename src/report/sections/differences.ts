/** Arms less the reference at equal seed and step: what both have in common, most of a curve, is not in it. */

import type { Point, Series } from "../charts/line-chart.ts";
import type { ReportData, RunData } from "../data/report-data.ts";
import { averaged, shownArms } from "../data/series.ts";
import { seedOf } from "../ranking/arms.ts";

/** A line for each drawn arm but the reference. */
export function differences(
  data: Pick<ReportData, "arms">,
  points: (run: RunData) => readonly Point[],
  reference: string,
): readonly Series[] {
  const against = data.arms.find(({ label }) => label === reference);
  if (against === undefined) return [];
  const bySeed = new Map(
    against.runs.map((run) => [seedOf(run), new Map(points(run).map(({ x, y }) => [x, y]))]),
  );
  return shownArms(data)
    .filter(({ label }) => label !== reference)
    .map(({ label, series, runs }) => ({
      label,
      series,
      points: averaged(
        runs.map((run) =>
          points(run).map(({ x, y }) => ({ x, y: y - (bySeed.get(seedOf(run))?.get(x) ?? Number.NaN) })),
        ),
      ),
    }));
}
