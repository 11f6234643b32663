/** Sensitivity to the learning rate, where it is swept: each arm of the other factors at its own best rate. */

import { lineChart, type Series } from "../charts/line-chart.ts";
import { MAX_SERIES } from "../charts/marks.ts";
import { numberLabel } from "../charts/scale.ts";
import type { ReportData } from "../data/report-data.ts";
import { averaged, hasDiverged, legendOf } from "../data/series.ts";
import { answerText } from "../page/answer-text.ts";
import { type Block, figure, prose, type TableBlock } from "../page/blocks.ts";
import { fixed } from "../page/numbers.ts";
import { evidence } from "../ranking/evidence.ts";
import { type RankBy, unitWords } from "../ranking/rank-by.ts";
import { armsAtBest, byBest, sweepsRates, type Tuned, tunedArms } from "../ranking/tuned.ts";

export const title = "Learning-rate sensitivity";

export function blocks({ runs, sweep, evidence: { by } }: ReportData): readonly Block[] {
  if (!sweepsRates(runs)) return [];
  const arms = tunedArms(runs, sweep.name, by);
  const drawn = arms.toSorted(byBest(by)).slice(0, MAX_SERIES);
  const series = arms
    .filter((arm) => drawn.includes(arm))
    .map((arm, place): Series => ({ label: arm.label, series: place, ...lines(arm) }));
  const panel = lineChart({
    title: "",
    x: { label: "train.lr, peak learning rate", kind: "log" },
    y: { label: [by.noun, unitWords(by.metric).trim()].filter((words) => words !== "").join(", ") },
    series,
    marks: true,
  });
  const left = arms.length - drawn.length;
  const caption = `Final ${by.noun} at each learning rate, mean over finished seeds; the band spans their extremes. Crosses at the upper rim: a run with this learning rate diverged. A rate is an arm's best only with a finished run of every seed.${left > 0 ? ` The best ${drawn.length} of ${arms.length} arms are drawn.` : ""}`;
  const names = runs
    .filter((run) => by.scoreOf(run) !== undefined || hasDiverged(run))
    .map(({ name }) => name);
  return [
    ...figure({
      id: "learning-rate",
      title: `Final ${by.noun} by learning rate`,
      panels: [panel],
      legend: legendOf(series),
      caption,
      from: { files: [by.isDefault ? "status.json" : "eval.csv"], runs: names },
    }),
    ...tunedAnswer(arms, by),
    tableOf(arms.toSorted(byBest(by)), series, by),
    ...edgeNote(arms),
  ];
}

/** The answer again, of arms that are each at their best rate: what a sweep of rates is made for. */
function tunedAnswer(arms: readonly Tuned[], by: RankBy): readonly Block[] {
  const atBest = armsAtBest(arms);
  if (atBest.length < 2) return [];
  const words = answerText(evidence(atBest, { by }));
  return [
    prose(["Each arm at its own best learning rate: ", ...words]),
    prose(
      `The best rate was chosen by the same ${by.noun}, which flatters arms with many rates or few seeds.`,
      "note",
    ),
  ];
}

function lines({ rates }: Tuned): Pick<Series, "points" | "crosses"> {
  const points = rates.flatMap(({ rate, values }) => averaged(values.map((y) => [{ x: rate, y }])));
  const crosses = rates
    .filter(({ diverged }) => diverged > 0)
    .map(({ rate, diverged }) => ({
      x: rate,
      y: Infinity,
      label: `${diverged} diverged at ${numberLabel(rate)}`,
    }));
  return { points, crosses };
}

function tableOf(arms: readonly Tuned[], series: readonly Series[], by: RankBy): TableBlock {
  return {
    kind: "table",
    columns: [
      { title: "arm", align: "left" },
      { title: "best lr", align: "right" },
      { title: `${by.title} at it`, align: "right" },
      { title: "seeds", align: "right" },
      { title: "lrs tried", align: "right" },
      { title: "diverged at", align: "left" },
    ],
    rows: arms.map(({ label, rates, best }, i) => {
      const place = series.find((one) => one.label === label)?.series;
      const diverged = rates.filter((at) => at.diverged > 0).map(({ rate }) => numberLabel(rate));
      return {
        cells: [
          label,
          best === undefined ? "\u2013" : `${numberLabel(best.rate)}${best.atEdge ? " (edge)" : ""}`,
          fixed(best?.value, by.metric.digits),
          best === undefined ? "" : String(best.n),
          String(rates.length),
          diverged.join(", "),
        ],
        ...(place === undefined ? {} : { series: place }),
        ...(i === 0 && best !== undefined ? { strong: true } : {}),
      };
    }),
  };
}

function edgeNote(arms: readonly Tuned[]): readonly Block[] {
  if (!arms.some(({ best }) => best?.atEdge)) return [];
  return [
    prose(
      "Edge: the best learning rate is the lowest or highest that was tried, so a better one may lie outside; widen train.lr.",
      "note",
    ),
  ];
}
