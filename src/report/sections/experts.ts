/** Mixtures of experts: how evenly the routers spread the tokens at the end. */
import { mean } from "../../lib/statistics.ts";
import { lastShares } from "../../probes/experts.ts";
import { routerEntropies } from "../../probes/routers.ts";
import { lineChart, type Point } from "../charts/line-chart.ts";
import { commonSteps, layerSeries } from "../data/layer-steps.ts";
import { layersOf, measuredBy } from "../data/measured.ts";
import type { ArmData, ReportData, RunData } from "../data/report-data.ts";
import { armSeries, leftOut, legendOf } from "../data/series.ts";
import { type Block, figure, prose, type TableBlock } from "../page/blocks.ts";
import { percent, rounded } from "../page/numbers.ts";
import { recordedBy } from "./recorded.ts";

export const title = "Mixtures of experts";

const entropies = layersOf(routerEntropies);
const sharesOf = (run: RunData) => measuredBy(lastShares, run)?.shares;

export function blocks(data: ReportData): readonly Block[] {
  const step = commonSteps(data, entropies).at(-1);
  const withExperts = data.arms.filter(({ runs }) => runs.some((run) => sharesOf(run) !== undefined));
  if (step === undefined && withExperts.length === 0) return [];
  const series = step === undefined ? [] : layerSeries(data, entropies, step);
  const x = { label: "layer (0 is the first)", whole: true };
  const entropy = lineChart({
    title: `Routers' entropy at step ${step}`,
    x,
    y: { label: "nats" },
    series,
    marks: true,
  });
  const shares = armSeries(data, largestShares);
  const load = lineChart({
    title: "Largest expert's share of tokens",
    x,
    y: { label: "share of the choices" },
    series: shares,
    marks: true,
  });
  const from = recordedBy(data, (run) => sharesOf(run) !== undefined || entropies(run).size > 0);
  const caption = `Left: mean entropy of each router's probabilities; the logarithm of the number of experts is a router that does not choose. Right: the share of a layer's token choices that its most loaded expert took, at the run's last recorded step.${from.note}${leftOut(data)}`;
  return [
    ...figure({
      id: "experts",
      title: "Routers and experts",
      panels: [entropy, load],
      caption,
      legend: legendOf(series.length > 0 ? series : shares),
      from: { files: [routerEntropies.table, lastShares.table], runs: from.runs },
    }),
    ...(withExperts.length === 0 ? [] : [tableOf(withExperts)]),
    prose(
      "Shares are of all runs of an arm at their last recorded step; even would be 1 over the number of experts.",
      "note",
    ),
  ];
}

const largestShares = (run: RunData): readonly Point[] =>
  (sharesOf(run) ?? []).flatMap((shares, layer) => {
    const known = shares.filter(Number.isFinite);
    return known.length === 0 ? [] : [{ x: layer, y: Math.max(...known) }];
  });

interface Loaded {
  readonly layer: number;
  readonly expert: number;
  readonly share: number;
}

const tableOf = (arms: readonly ArmData[]): TableBlock => ({
  kind: "table",
  columns: [
    { title: "arm", align: "left" },
    { title: "experts", align: "right" },
    { title: "even share", align: "right" },
    { title: "most loaded", align: "left" },
    { title: "least loaded", align: "left" },
    { title: "mean entropy, last step", align: "right" },
  ],
  rows: arms.map(({ label, runs, series }) => {
    const loads: readonly Loaded[] = runs.flatMap((run) =>
      (sharesOf(run) ?? []).flatMap((shares, layer) =>
        shares.flatMap((share, expert) => (Number.isFinite(share) ? [{ layer, expert, share }] : [])),
      ),
    );
    const count = Math.max(...runs.flatMap((run) => (sharesOf(run) ?? []).map((of) => of.length)));
    const sorted = loads.toSorted((a, b) => b.share - a.share);
    const lasts = runs.flatMap((run) => [...entropies(run).values()].at(-1) ?? []).filter(Number.isFinite);
    const entropy = lasts.length === 0 ? undefined : mean(lasts);
    return {
      cells: [
        ...[label, String(count), percent(1 / count), loadText(sorted[0]), loadText(sorted.at(-1))],
        entropy === undefined ? "" : `${rounded(entropy)} of ${rounded(Math.log(count))}`,
      ],
      ...(series === undefined ? {} : { series }),
    };
  }),
});

const loadText = (load: Loaded | undefined): string =>
  load === undefined ? "" : `${percent(load.share)} (layer ${load.layer}, expert ${load.expert})`;
