/** Arms less the reference at equal seed and step: what both have in common, most of a curve, is not in it. */

import type { Point, Series } from "../charts/line-chart.ts";
import type { Material, RunMaterial } from "../data/material.ts";
import { averaged, shownArms } from "../data/series.ts";
import { seedOf } from "../ranking/arms.ts";

/** A line for each drawn arm but the reference. */
export function differences(
  material: Pick<Material, "arms">,
  points: (run: RunMaterial) => readonly Point[],
  reference: string,
): readonly Series[] {
  const against = material.arms.find(({ label }) => label === reference);
  if (against === undefined) return [];
  const bySeed = new Map(
    against.runs.map((run) => [seedOf(run), new Map(points(run).map(({ x, y }) => [x, y]))]),
  );
  return shownArms(material)
    .filter(({ label }) => label !== reference)
    .map(({ label, series, runs }) => ({
      ...{ label, series },
      points: averaged(
        runs.map((run) =>
          points(run).map(({ x, y }) => ({ x, y: y - (bySeed.get(seedOf(run))?.get(x) ?? Number.NaN) })),
        ),
      ),
    }));
}
