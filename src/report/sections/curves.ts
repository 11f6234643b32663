/** Validation loss over tokens, the difference to the reference, and training loss. */

import { lineChart, type Point } from "../charts/line-chart.ts";
import type { Material, RunMaterial } from "../data/material.ts";
import { armSeries, crossOf, leftOut, legendOf, tokensPerStep } from "../data/series.ts";
import { type Block, type FigureBlock, figure, prose } from "../page/blocks.ts";
import { bucketOf, bucketWidth } from "../readers/buckets.ts";
import { differences } from "./differences.ts";
import { recordedBy } from "./recorded.ts";

export const title = "Loss over tokens";

/** Points of the training curves: wide enough that a step's noise is averaged out. */
const SMOOTH_POINTS = 60;

export function blocks(material: Material): readonly Block[] {
  const found = [...evaluationFigures(material), ...trainingFigure(material)];
  const unstarted = material.runs.every((run) => run.metrics === undefined && run.evaluations.length === 0);
  return found.length === 0 && !unstarted
    ? [prose("No evaluation and no step was recorded.", "note")]
    : found;
}

/** A figure for each protocol and split; the one that ranks is the first in each file. */
function evaluationFigures(material: Material): readonly FigureBlock[] {
  const judged = new Map<string, { readonly protocol: string; readonly split: string }>();
  for (const run of material.runs)
    for (const { protocol, split } of run.evaluations)
      judged.set(JSON.stringify([protocol, split]), { protocol, split });
  return [...judged.values()].flatMap(({ protocol, split }, i) => {
    const points = (run: RunMaterial): readonly Point[] =>
      run.evaluations
        .filter((row) => row.protocol === protocol && row.split === split)
        .map(({ step, loss }) => ({ x: step * tokensPerStep(run), y: loss }));
    const series = armSeries(material, points, { crosses });
    const x = { label: "tokens" };
    const marks = series.every((one) => one.points.length <= 25);
    const curve = lineChart({ title: `${split} loss`, x, y: { label: "nats per token" }, series, marks });
    const from = recordedBy(material, (run) => points(run).length > 0);
    const reference = material.evidence.reference;
    const compared = reference === undefined ? [] : differences(material, points, reference);
    const difference = lineChart({
      title: `difference to ${reference}`,
      x,
      y: { label: "nats per token, above 0 is worse", rule: 0 },
      ...{ series: compared, marks },
    });
    const about =
      difference === undefined
        ? ""
        : " Right: the same less the reference's at equal seed and step, where the common course of both cancels out.";
    const caption =
      `Loss on ${split} by protocol ${protocol}; mean over the seeds, the band spans their extremes. A cross marks where a ` +
      `run diverged; the mean goes on over the others.${about}${i === 0 ? " Runs are ranked by the last point." : ""}${from.note}${leftOut(material)}`;
    return figure({
      ...{ id: i === 0 ? "validation-loss" : `validation-loss-${i + 1}` },
      title: i === 0 ? "Validation loss" : `Loss on ${split}, ${protocol}`,
      panels: [curve, difference],
      ...{ legend: legendOf(series), caption, from: { files: ["eval.csv"], runs: from.runs } },
    });
  });
}

function trainingFigure(material: Material): readonly FigureBlock[] {
  const last = Math.max(0, ...material.runs.map(({ metrics }) => metrics?.lastStep ?? 0));
  const width = Math.max(1, Math.round(bucketWidth(last, SMOOTH_POINTS) / material.stepsPerPoint));
  const points = (run: RunMaterial) => smoothed(run, width * material.stepsPerPoint);
  const series = armSeries(material, points, { crosses });
  const panel = lineChart({ title: "", x: { label: "tokens" }, y: { label: "nats per token" }, series });
  const from = recordedBy(material, ({ metrics }) => metrics !== undefined);
  const steps = width * material.stepsPerPoint;
  const caption = `Training loss, ${steps === 1 ? "of each step" : `mean of ${steps} steps each`}, then mean over the seeds; the band spans their extremes.${from.note}${leftOut(material)}`;
  return figure({
    ...{ id: "training-loss", title: "Training loss", panels: [panel], legend: legendOf(series), caption },
    from: { files: ["metrics.csv"], runs: from.runs },
  });
}

/** Means of so many steps each, at the tokens that were seen by their end. */
function smoothed(run: RunMaterial, steps: number): readonly Point[] {
  const groups = new Map<number, { sum: number; n: number; step: number }>();
  for (const { step, mean, n } of run.metrics?.loss ?? []) {
    const key = bucketOf(step, steps);
    const group = groups.get(key) ?? { sum: 0, n: 0, step };
    groups.set(key, { sum: group.sum + mean * n, n: group.n + n, step });
  }
  return [...groups.values()].map(({ sum, n, step }) => ({ x: step * tokensPerStep(run), y: sum / n }));
}

const crosses = (run: RunMaterial) => crossOf(run, tokensPerStep(run));
