/** Values by layer of a sweep's runs: at which steps arms can be compared, and what they are there. Pure. */
import { layerGradients } from "../../probes/grad-norms.ts";
import type { Layers } from "../../probes/layers.ts";
import type { Point, Series } from "../charts/line-chart.ts";
import { layersOf } from "./measured.ts";
import type { ArmData, ReportData, RunData } from "./report-data.ts";
import { averaged, hasDiverged, type Mean, meanOf, shownArms } from "./series.ts";

type LayersOf = (run: RunData) => Layers;

export const gradients: LayersOf = layersOf(layerGradients);

/**
 * Steps that all runs with values recorded, in order. Diverged runs do not count, unless there are no others: the
 * first to end would decide what is compared. Nor do runs that have only begun, where others have gone on.
 */
export function commonSteps({ runs }: Pick<ReportData, "runs">, of: LayersOf): readonly number[] {
  const recorded = runs.filter((run) => of(run).size > 0);
  const kinds = [
    recorded.filter(({ status }) => status?.state === "done"),
    recorded.filter((run) => !hasDiverged(run)),
    recorded,
  ];
  const [first, ...others] = kinds.find((kind) => kind.length > 0) ?? [];
  if (first === undefined) return [];
  const steps = [...of(first).keys()].filter((step) => others.every((run) => of(run).has(step)));
  return steps.toSorted((a, b) => a - b);
}

/** The first, step 100 as the paper has it where it was recorded, one near the middle, and the last. */
export function chosenSteps(steps: readonly number[]): readonly number[] {
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) return [];
  const half = (first + last) / 2;
  const middle = steps.reduce((near, step) => (Math.abs(step - half) < Math.abs(near - half) ? step : near));
  const hundredth = steps.filter((step) => step === 100);
  return [...new Set([first, ...hundredth, middle, last])].toSorted((a, b) => a - b);
}

/** An arm's values by layer at a step, over the runs that recorded it: mean and extremes. */
export const layersAt = (
  { runs }: Pick<ArmData, "runs">,
  of: LayersOf,
  step: number,
  mean: Mean = "geometric",
): readonly Point[] =>
  averaged(
    runs.map((run) => (of(run).get(step) ?? []).map((y, x) => ({ x, y }))),
    mean,
  );

/** A line over the layers for each shown arm. */
export const layerSeries = (
  data: Pick<ReportData, "arms">,
  of: LayersOf,
  step: number,
  mean: Mean = "geometric",
): readonly Series[] =>
  shownArms(data).map((arm) => ({
    label: arm.label,
    series: arm.series,
    points: layersAt(arm, of, step, mean),
  }));

/** An arm at all the steps that any of its runs recorded. */
export function layersOverSteps(
  arm: Pick<ArmData, "runs">,
  of: LayersOf,
): readonly { readonly x: number; readonly values: readonly number[] }[] {
  const counts = new Map<number, number>();
  for (const run of arm.runs)
    for (const step of of(run).keys()) counts.set(step, (counts.get(step) ?? 0) + 1);
  const steps = [...counts.keys()].toSorted((a, b) => a - b);
  // Where runs ended at different steps their last ones stand between the steps that all have.
  const even = steps.filter(
    (step, i) => counts.get(step)! >= Math.max(0, ...steps.slice(i + 1).map((later) => counts.get(later)!)),
  );
  return even.map((x) => ({ x, values: valuesAt(arm, of, x) }));
}

/** As layersAt, layer 0 first; NaN where a layer has no value. */
export function valuesAt(arm: Pick<ArmData, "runs">, of: LayersOf, step: number): readonly number[] {
  const values: number[] = [];
  for (const { x, y } of layersAt(arm, of, step)) {
    while (values.length < x) values.push(Number.NaN);
    values.push(y);
  }
  return values;
}

/** The last layer's value to the first's. undefined of fewer than two layers, or where one of the two is not above 0. */
export function lastToFirst(values: readonly number[] | undefined): number | undefined {
  if (values === undefined || values.length < 2) return undefined;
  const ratio = values.at(-1)! / values[0]!;
  return Number.isFinite(ratio) && ratio > 0 ? ratio : undefined;
}

/** Of an arm at a step: the geometric mean of its runs' ratios, last layer to first. */
export function armRatio(arm: Pick<ArmData, "runs">, of: LayersOf, step: number): number | undefined {
  const ratios = arm.runs.flatMap((run) => lastToFirst(of(run).get(step)) ?? []);
  return ratios.length === 0 ? undefined : meanOf(ratios, "geometric");
}

/** The largest layer's value to the smallest's. */
export function spreadOf(points: readonly Point[]): number | undefined {
  const ys = points.map(({ y }) => y).filter((y) => Number.isFinite(y) && y > 0);
  return ys.length < 2 ? undefined : Math.max(...ys) / Math.min(...ys);
}
