/** Every quantity by layer that a probe would have drawn: lines over the layers at a few steps, one for each arm. */

import type { LayerFigure, LayerReader, Reader } from "../../probes/reader.ts";
import { lineChart } from "../charts/line-chart.ts";
import { extent } from "../charts/scale.ts";
import { chosenSteps, commonSteps, layerSeries } from "../data/layer-steps.ts";
import { layersOf, readers } from "../data/measured.ts";
import type { ReportData } from "../data/report-data.ts";
import { leftOut, legendOf } from "../data/series.ts";
import { type Block, figure } from "../page/blocks.ts";
import { recordedBy } from "./recorded.ts";

export const title = "Measured by layer";

type Drawn = LayerReader & { readonly figure: LayerFigure };

const isDrawn = (reader: Reader): reader is Drawn => (reader as LayerReader).figure !== undefined;

export const blocks = (data: ReportData): readonly Block[] =>
  readers.filter(isDrawn).flatMap((reader) => drawn(data, reader));

function drawn(data: ReportData, reader: Drawn): readonly Block[] {
  const layers = layersOf(reader);
  const { title, label, kind, caption } = reader.figure;
  const mean = kind === "log" ? "geometric" : "arithmetic";
  const charts = chosenSteps(commonSteps(data, layers)).map((step) => ({
    step,
    series: layerSeries(data, layers, step, mean),
  }));
  const values = charts.flatMap(({ series }) =>
    series.flatMap(({ points }) => points.flatMap(({ y, low = y, high = y }) => [y, low, high])),
  );
  const domain = extent(values, kind);
  if (domain === undefined) return [];
  const panels = charts.map(({ step, series }) =>
    lineChart({
      title: `Step ${step}`,
      x: { label: "layer (0 is the first)", whole: true },
      y: { label, kind, domain },
      series,
      marks: true,
    }),
  );
  const from = recordedBy(data, (run) => layers(run).size > 0);
  return figure({
    id: title.toLowerCase().replace(/[^a-z0-9]+/g, "-"),
    title,
    panels,
    caption: `${caption} The ${mean} mean over the seeds; the band spans their extremes.${from.note}${leftOut(data)}`,
    legend: legendOf(charts.flatMap(({ series }) => series)),
    from: { files: [reader.table], runs: from.runs },
  });
}
