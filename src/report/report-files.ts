/** A report as files: what each is called and what is in it. Pure. */

import { svgDocument } from "./charts/figure.ts";
import type { ReportData } from "./data/report-data.ts";
import type { FigureBlock } from "./page/blocks.ts";
import { html } from "./page/html.ts";
import { markdown } from "./page/markdown.ts";
import { armsCsv } from "./ranking/arm-rows.ts";
import { sections } from "./sections/index.ts";

/** File name -> text, the figures first: a page that is there has its figures beside it. */
export function reportFiles(data: ReportData): ReadonlyMap<string, string> {
  const { name, description = "" } = data.sweep;
  const all = sections(data);
  const figures = all
    .flatMap(({ blocks }) => blocks)
    .filter((block): block is FigureBlock => block.kind === "figure");
  return new Map([
    ...figures.map((figure) => [`${figure.id}.svg`, figureDocument(figure)] as const),
    ["arms.csv", armsCsv(data.evidence)],
    ["report.md", markdown(name, all)],
    ["index.html", html(name, description, all)],
  ]);
}

const figureDocument = ({ title, panels, legend = [], bar, from }: FigureBlock): string =>
  svgDocument({
    title,
    panels,
    legend,
    description: `From ${from.files.join(", ")} of ${from.runs.length} runs: ${from.runs.join(", ")}`,
    ...(bar === undefined ? {} : { bar }),
  });
