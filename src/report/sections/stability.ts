/** Stability: the global gradient norm, how often it was clipped, spikes, and where runs diverged. */

import { lineChart } from "../charts/line-chart.ts";
import type { ArmData, ReportData, RunData } from "../data/report-data.ts";
import { armSeries, crossOf, divergedAt, leftOut, legendOf } from "../data/series.ts";
import { type Block, figure, prose, type TableBlock } from "../page/blocks.ts";
import { percent, rounded } from "../page/numbers.ts";
import { SPIKE_FACTOR, SPIKE_WINDOW, type Spike } from "../readers/spikes.ts";
import { recordedBy } from "./recorded.ts";

export const title = "Stability";

export function blocks(data: ReportData): readonly Block[] {
  if (data.runs.every(({ metrics }) => metrics === undefined)) return [];
  const points = (run: RunData) =>
    (run.metrics?.gradNorm ?? []).map(({ step, mean, min, max }) => ({
      x: step,
      y: mean,
      low: min,
      high: max,
    }));
  const series = armSeries(data, points, { mean: "geometric", crosses: (run) => crossOf(run) });
  const panel = lineChart({
    title: "",
    x: { label: "step", whole: true },
    y: { label: "global gradient L2 norm", kind: "log" },
    series,
  });
  const from = recordedBy(data, ({ metrics }) => metrics !== undefined);
  const each = data.stepsPerPoint === 1 ? "" : ` Each point stands for ${data.stepsPerPoint} steps.`;
  const caption = `Global gradient norm before clipping, mean over the seeds; the band spans the extremes of all steps and seeds.${each} A cross marks where a run diverged.${from.note}${leftOut(data)}`;
  return [
    ...figure({
      id: "gradient-norm",
      title: "Global gradient norm",
      panels: [panel],
      legend: legendOf(series),
      caption,
      from: { files: ["metrics.csv"], runs: from.runs },
    }),
    tableOf(data.arms.filter(({ runs }) => runs.some(({ metrics }) => metrics !== undefined))),
    prose(
      `A spike is a logged step whose training loss is more than ${SPIKE_FACTOR.loss} times, or whose global gradient norm is more than ${SPIKE_FACTOR.gradNorm} times, the median of the up to ${SPIKE_WINDOW} logged steps before it (8 at least).`,
      "note",
    ),
  ];
}

const tableOf = (arms: readonly ArmData[]): TableBlock => ({
  kind: "table",
  columns: [
    { title: "arm", align: "left" },
    { title: "steps clipped", align: "right" },
    { title: "loss spikes", align: "right" },
    { title: "gradient spikes", align: "right" },
    { title: "worst gradient spike", align: "left" },
    { title: "diverged", align: "left" },
  ],
  rows: arms.map(({ label, runs, series }) => {
    const metrics = runs.flatMap((run) => run.metrics ?? []);
    const sum = (of: (m: (typeof metrics)[number]) => number) =>
      metrics.reduce((total, m) => total + of(m), 0);
    const worst = metrics
      .flatMap(({ gradSpikes }) => gradSpikes.worst ?? [])
      .reduce<Spike | undefined>((a, b) => (a === undefined || b.factor > a.factor ? b : a), undefined);
    const steps = runs.flatMap((run) => divergedAt(run) ?? []);
    return {
      cells: [
        label,
        percent(sum(({ clipped }) => clipped) / sum(({ rows }) => rows)),
        String(sum(({ lossSpikes }) => lossSpikes.count)),
        String(sum(({ gradSpikes }) => gradSpikes.count)),
        worst === undefined ? "" : `${rounded(worst.factor)} times the median, step ${worst.step}`,
        steps.length === 0
          ? "none"
          : `${steps.length} of ${runs.length}: step ${steps.toSorted((a, b) => a - b).join(", ")}`,
      ],
      ...(series === undefined ? {} : { series }),
    };
  }),
});
