/** Gradient norms by layer at a few steps, as in HybridNorm's Fig. 2 (arXiv 2503.04598), which shows steps 1 and 100. */
import { layerGradients } from "../../probes/grad-norms.ts";
import { lineChart } from "../charts/line-chart.ts";
import { extent } from "../charts/scale.ts";
import { chosenSteps, commonSteps, gradients, layerSeries } from "../data/layer-steps.ts";
import type { ReportData } from "../data/report-data.ts";
import { leftOut, legendOf } from "../data/series.ts";
import { type Block, figure, prose } from "../page/blocks.ts";
import { recordedBy } from "./recorded.ts";

export const title = "Gradient norms by layer";

export function blocks(data: ReportData): readonly Block[] {
  const steps = chosenSteps(commonSteps(data, gradients));
  const from = recordedBy(data, (run) => gradients(run).size > 0);
  if (steps.length === 0) {
    const wanted = `No run has recorded gradient norms (${layerGradients.table}): log.probes says what is measured, log.grad_norms_every how often.`;
    return data.runs.some(({ metrics }) => metrics !== undefined) ? [prose(wanted, "note")] : [];
  }
  const charts = steps.map((step) => ({
    step,
    series: layerSeries(data, gradients, step),
  }));
  const domain = extent(
    charts.flatMap(({ series }) =>
      series.flatMap(({ points }) => points.flatMap(({ y, low = y, high = y }) => [y, low, high])),
    ),
    "log",
  );
  if (domain === undefined) return [];
  const panels = charts.map(({ step, series }) =>
    lineChart({
      title: `Step ${step}`,
      x: { label: "layer (0 is the first)", whole: true },
      y: { label: "gradient L2 norm", kind: "log", domain },
      series,
      marks: true,
    }),
  );
  const caption =
    `L2 norm of each layer's whole gradient before clipping (tensor * of ${layerGradients.table}), geometric mean over the seeds; ` +
    `the band spans their extremes. One logarithmic scale for all panels; step ${steps.at(-1)} is the last one that the ` +
    `runs share, those that diverged or are still open left aside where others finished.${from.note}${leftOut(data)}`;
  return figure({
    id: "gradient-norms-by-layer",
    title: "Gradient norm by layer",
    panels,
    caption,
    legend: legendOf(charts.flatMap(({ series }) => series)),
    from: { files: [layerGradients.table], runs: from.runs },
  });
}
