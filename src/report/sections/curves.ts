/** Every metric of every evaluation over tokens, the difference to the reference, and training loss. */
import { MAIN, metricKey } from "../../config/evaluation-metrics.ts";
import { metrics } from "../../protocols/index.ts";
import type { Metric } from "../../protocols/metric.ts";
import { lineChart, type Point } from "../charts/line-chart.ts";
import type { ReportData, RunData } from "../data/report-data.ts";
import { armSeries, crossOf, leftOut, legendOf, tokensPerStep } from "../data/series.ts";
import { type Block, type FigureBlock, figure, prose } from "../page/blocks.ts";
import { nats } from "../page/numbers.ts";
import { unitWords } from "../ranking/rank-by.ts";
import { bucketOf, bucketWidth } from "../readers/buckets.ts";
import type { Evaluation } from "../readers/evaluations.ts";
import { differences } from "./differences.ts";
import { recordedBy } from "./recorded.ts";

export const title = "Loss over tokens";

/** Points of the training curves: wide enough that a step's noise is averaged out. */
const SMOOTH_POINTS = 60;

export function blocks(data: ReportData): readonly Block[] {
  const found = [...evaluationFigures(data), ...trainingFigure(data)];
  const unstarted = data.runs.every((run) => run.metrics === undefined && run.evaluations.length === 0);
  return found.length === 0 && !unstarted
    ? [prose("No evaluation and no step was recorded.", "note")]
    : found;
}

/** What a figure is of: one metric of one set. */
interface EvaluationCurve {
  readonly protocol: string;
  readonly split: string;
  readonly name: string;
  readonly metric: Metric;
  /** Its file's name; unique in a report. */
  readonly id: string;
}

/** A figure for each protocol and split, and each of its metrics that is no function of another. */
function evaluationFigures(data: ReportData): readonly FigureBlock[] {
  return evaluationCurves(data).flatMap(({ protocol, split, name, metric, id }) => {
    const points = (run: RunData): readonly Point[] =>
      run.evaluations
        .filter((row) => row.protocol === protocol && row.split === split)
        .flatMap(({ step, scores: { [name]: y } }) =>
          y === undefined ? [] : [{ x: step * tokensPerStep(run), y }],
        );
    const series = armSeries(data, points, { crosses });
    const x = { label: "tokens" };
    const unit = unitWords(metric).trim() || name;
    const marks = series.every((one) => one.points.length <= 25);
    const line = split === MAIN && name === "loss" ? unigramRule(data) : undefined;
    const curve = lineChart({
      title: `${split} ${name}`,
      x,
      y: { label: unit, ...line?.rule },
      series,
      marks,
    });
    const from = recordedBy(data, (run) => points(run).length > 0);
    const { reference, by } = data.evidence;
    const compared = reference === undefined ? [] : differences(data, points, reference);
    const worse = metric.better === "lower" ? "above" : "below";
    const difference = lineChart({
      title: `difference to ${reference}`,
      x,
      y: { label: `${unit}, ${worse} 0 is worse`, rule: 0 },
      series: compared,
      marks,
    });
    const about =
      difference === undefined
        ? ""
        : " Right: the same less the reference's at equal seed and step, where the common course of both cancels out.";
    const ranks = metricKey(split, name) === by.name ? " Runs are ranked by the last point." : "";
    const said = `${name[0]!.toUpperCase()}${name.slice(1)}`;
    const caption =
      `${said} on ${split} by protocol ${protocol}; mean over the seeds, the band spans their extremes. A cross marks where a ` +
      `run diverged; the mean goes on over the others.${line?.caption ?? ""}${about}${ranks}${from.note}${leftOut(data)}`;
    return figure({
      id,
      title: id === FIRST ? "Validation loss" : `${said} on ${split}, ${protocol}`,
      panels: [curve, difference],
      legend: legendOf(series),
      caption,
      from: { files: ["eval.csv"], runs: from.runs },
    });
  });
}

/** The loss of token frequencies as a line across a figure, where all runs have the same. */
function unigramRule({ evidence: { baseline } }: ReportData) {
  const { loss } = baseline ?? {};
  if (loss === undefined) return undefined;
  return {
    rule: { rule: loss },
    caption: ` The level line, ${nats(loss)}, is what token frequencies alone cost: a run that stays there has learned nothing else.`,
  };
}

const FIRST = "validation-loss";

/** In the order of eval.csv; the validation loss is the first in each. */
function evaluationCurves({ runs }: ReportData): readonly EvaluationCurve[] {
  const found = new Map<string, Pick<Evaluation, "protocol" | "split"> & { readonly names: Set<string> }>();
  for (const { protocol, split, scores } of runs.flatMap(({ evaluations }) => evaluations)) {
    const key = JSON.stringify([protocol, split]);
    const names = found.get(key)?.names ?? new Set();
    for (const name of Object.keys(scores)) names.add(name);
    found.set(key, { protocol, split, names });
  }
  return [...found.values()].flatMap(({ protocol, split, names }, i) =>
    [...names].flatMap((name): readonly EvaluationCurve[] => {
      const metric = metrics.get(name);
      if (metric === undefined || (metric.follows !== undefined && names.has(metric.follows))) return [];
      const id = name === "loss" ? FIRST : `evaluation-${name}`;
      return [{ protocol, split, name, metric, id: i === 0 ? id : `${id}-${i + 1}` }];
    }),
  );
}

function trainingFigure(data: ReportData): readonly FigureBlock[] {
  const last = Math.max(0, ...data.runs.map(({ metrics }) => metrics?.lastStep ?? 0));
  const width = Math.max(1, Math.round(bucketWidth(last, SMOOTH_POINTS) / data.stepsPerPoint));
  const points = (run: RunData) => smoothed(run, width * data.stepsPerPoint);
  const series = armSeries(data, points, { crosses });
  const line = unigramRule(data);
  const panel = lineChart({
    title: "",
    x: { label: "tokens" },
    y: { label: "nats per token", ...line?.rule },
    series,
  });
  const from = recordedBy(data, ({ metrics }) => metrics !== undefined);
  const steps = width * data.stepsPerPoint;
  const caption = `Training loss, ${steps === 1 ? "of each step" : `mean of ${steps} steps each`}, then mean over the seeds; the band spans their extremes.${line?.caption ?? ""}${from.note}${leftOut(data)}`;
  return figure({
    id: "training-loss",
    title: "Training loss",
    panels: [panel],
    legend: legendOf(series),
    caption,
    from: { files: ["metrics.csv"], runs: from.runs },
  });
}

/** Means of so many steps each, at the tokens that were seen by their end. */
function smoothed(run: RunData, steps: number): readonly Point[] {
  const groups = new Map<number, { sum: number; n: number; step: number }>();
  for (const { step, mean, n } of run.metrics?.loss ?? []) {
    const key = bucketOf(step, steps);
    const group = groups.get(key) ?? { sum: 0, n: 0, step };
    groups.set(key, { sum: group.sum + mean * n, n: group.n + n, step });
  }
  return [...groups.values()].map(({ sum, n, step }) => ({ x: step * tokensPerStep(run), y: sum / n }));
}

const crosses = (run: RunData) => crossOf(run, tokensPerStep(run));
