/** From runs to the lines of charts: several runs' values at equal places become one point with its extremes. Pure. */
import { mean } from "../../lib/statistics.ts";
import type { Legend } from "../charts/figure.ts";
import type { Point, Series } from "../charts/line-chart.ts";
import type { ArmData, ReportData, RunData } from "./report-data.ts";

/** Logarithmic quantities are averaged geometrically: a ratio of such means is the mean of the ratios. */
export type Mean = "arithmetic" | "geometric";

export function meanOf(values: readonly number[], kind: Mean): number {
  return kind === "arithmetic" ? mean(values) : Math.exp(mean(values.map(Math.log)));
}

/**
 * One point per x, of the lines that have a finite value there. An x that fewer lines have than a later one is left out:
 * the mean would jump there for no other reason.
 */
export function averaged(lines: readonly (readonly Point[])[], kind: Mean = "arithmetic"): readonly Point[] {
  const usable = ({ y }: Point) => Number.isFinite(y) && (kind === "arithmetic" || y > 0);
  const at = new Map<number, Point[]>();
  for (const point of lines.flat().filter(usable)) at.set(point.x, [...(at.get(point.x) ?? []), point]);
  const points: Point[] = [];
  let most = 0;
  for (const [x, group] of [...at].toSorted(([a], [b]) => b - a)) {
    if (group.length < most) continue;
    most = group.length;
    const y = meanOf(
      group.map((point) => point.y),
      kind,
    );
    const low = Math.min(...group.map((point) => point.low ?? point.y));
    const high = Math.max(...group.map((point) => point.high ?? point.y));
    points.push(low < high ? { x, y, low, high } : { x, y });
  }
  return points.reverse();
}

/** An arm that charts show. */
type ShownArm = ArmData & { readonly series: number };

/** In the order of the sweep. */
export const shownArms = ({ arms }: Pick<ReportData, "arms">): readonly ShownArm[] =>
  arms.filter((arm): arm is ShownArm => arm.series !== undefined).toSorted((a, b) => a.series - b.series);

/** A line for each shown arm that has points; `points` of one run. */
export function armSeries(
  data: Pick<ReportData, "arms">,
  points: (run: RunData) => readonly Point[],
  { mean = "arithmetic", crosses }: { mean?: Mean; crosses?: (run: RunData) => Series["crosses"] } = {},
): readonly Series[] {
  return shownArms(data).map(({ label, series, runs }) => ({
    label,
    series,
    points: averaged(runs.map(points), mean),
    crosses: runs.flatMap((run) => crosses?.(run) ?? []),
  }));
}

/** Of the series that have something to be seen, in any of a figure's panels. */
export const legendOf = (series: readonly Series[]): readonly Legend[] =>
  [
    ...new Map(
      series
        .filter(({ points, crosses = [] }) => points.length + crosses.length > 0)
        .map(({ label, series: place }) => [place, { label, series: place }]),
    ).values(),
  ].toSorted((a, b) => a.series - b.series);

/** What a caption says where there are more arms than colours. */
export function leftOut({ arms }: Pick<ReportData, "arms">): string {
  const hidden = arms.filter(({ series }) => series === undefined).length;
  if (hidden === 0) return "";
  return ` Of ${arms.length} arms the best ${arms.length - hidden} are drawn (the reference among them).`;
}

export const hasDiverged = ({ status }: Pick<RunData, "status">): boolean => status?.state === "diverged";

/** Tokens of one step, also of a run that has written no row yet. */
export function tokensPerStep({ config, metrics }: Pick<RunData, "config" | "metrics">): number {
  const planned = (config.train?.tokens ?? Number.NaN) / (config.train?.steps ?? Number.NaN);
  return Number.isFinite(planned) ? planned : (metrics?.tokensPerStep ?? Number.NaN);
}

/** The step a run diverged at. */
export const divergedAt = (run: RunData): number | undefined =>
  hasDiverged(run) ? run.status?.step : undefined;

/** A cross where a diverged run's line ends, `each` to a step. */
export function crossOf(run: RunData, each = 1): NonNullable<Series["crosses"]> {
  const step = divergedAt(run);
  return step === undefined ? [] : [{ x: step * each, label: `${run.name} diverged at step ${step}` }];
}
