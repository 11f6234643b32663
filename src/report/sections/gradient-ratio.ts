/** The ratio of the last layer's gradient norm to the first's: whether gradients grow or vanish with depth, in numbers. */
import { layerGradients } from "../../probes/grad-norms.ts";
import { lineChart } from "../charts/line-chart.ts";
import { armRatio, commonSteps, gradients, lastToFirst, layersAt, spreadOf } from "../data/layer-steps.ts";
import type { ReportData } from "../data/report-data.ts";
import { armSeries, leftOut, legendOf } from "../data/series.ts";
import { type Block, figure, prose, type TableBlock } from "../page/blocks.ts";
import { rounded } from "../page/numbers.ts";
import { recordedBy } from "./recorded.ts";

export const title = "Last layer to first";

/** Within this factor the two ends are called even. */
const EVEN = 2;

export function blocks(data: ReportData): readonly Block[] {
  const steps = commonSteps(data, gradients);
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) return [];
  const rows = data.arms.flatMap((arm) => {
    const [before, after] = [first, last].map((step) => armRatio(arm, gradients, step));
    const spread = spreadOf(layersAt(arm, gradients, last));
    if (before === undefined && after === undefined) return [];
    return [{ arm, before, after, spread }];
  });
  if (rows.length === 0) return [];
  const single = first === last;
  const table: TableBlock = {
    kind: "table",
    columns: [
      { title: "arm", align: "left" },
      { title: `ratio, step ${first}`, align: "right" },
      ...(single ? [] : [{ title: `ratio, step ${last}`, align: "right" as const }]),
      { title: `largest / smallest layer, step ${last}`, align: "right" },
      { title: `at step ${last}, with depth it`, align: "left" },
    ],
    rows: rows.map(({ arm, before, after, spread }) => ({
      cells: [
        arm.label,
        rounded(before) || "\u2013",
        ...(single ? [] : [rounded(after) || "\u2013"]),
        rounded(spread) || "\u2013",
        after === undefined ? "\u2013" : verdict(after),
      ],
      ...(arm.series === undefined ? {} : { series: arm.series }),
    })),
  };
  const series = armSeries(
    data,
    (run) => [...gradients(run)].map(([x, values]) => ({ x, y: lastToFirst(values) ?? Number.NaN })),
    { mean: "geometric" },
  );
  const chart = lineChart({
    title: "",
    x: { label: "step", whole: true },
    y: { label: "last layer / first layer", kind: "log", rule: 1 },
    series,
    marks: series.every(({ points }) => points.length <= 30),
  });
  const from = recordedBy(data, (run) => gradients(run).size > 0);
  const caption = `Gradient norm of the last layer divided by that of the first, geometric mean over the seeds; the band spans their extremes.${from.note}${leftOut(data)}`;
  return [
    prose(measured(rows.filter(({ after }) => after !== undefined) as Measured[], last)),
    table,
    ...figure({
      id: "gradient-norm-ratio",
      title: "Last layer's gradient norm to the first's",
      panels: [single ? undefined : chart],
      legend: legendOf(series),
      caption,
      from: { files: [layerGradients.table], runs: from.runs },
    }),
    prose(
      `HybridNorm's Fig. 2 (arXiv 2503.04598) compares the gradient norms by layer of Pre-Norm, Post-Norm and HybridNorm in a model of 550M at steps 1 and 100. What is measured here stands above; "even" is a ratio between 1/${EVEN} and ${EVEN}.`,
      "note",
    ),
  ];
}

interface Measured {
  readonly arm: { readonly label: string };
  readonly after: number;
}

function measured(rows: readonly Measured[], step: number): string {
  const shown = rows.slice(0, 6).map(({ arm, after }) => `${rounded(after)} in ${arm.label}`);
  const more = rows.length > shown.length ? `; ${rows.length - shown.length} more below` : "";
  return `At step ${step} the last layer's gradient norm is this many times the first layer's: ${shown.join(", ")}${more}.`;
}

const verdict = (ratio: number): string =>
  ratio > EVEN ? "grows" : ratio < 1 / EVEN ? "shrinks" : "is about even";
