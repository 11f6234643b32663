/** Panels, a legend and a colour bar put together as one SVG document, which needs nothing else to be seen. */
import { el, joined, type Markup, short, text } from "./element.ts";
import { clippedText, PANEL, type Panel, viewOf } from "./frame.ts";
import { COLOUR_BAR, colourBar } from "./heat-map.ts";
import { CHART_CLASSES, colour, dash, mark, withLiteralColours } from "./marks.ts";

export interface Legend {
  readonly label: string;
  readonly series: number;
}

export interface ColourBar {
  readonly label: string;
  readonly domain: readonly [number, number];
}

/** What a figure shows. */
export interface Drawing {
  readonly title: string;
  /** In words, for those who cannot see it; the names of the runs. */
  readonly description: string;
  readonly panels: readonly Panel[];
  readonly legend?: readonly Legend[];
  readonly bar?: ColourBar;
}

/** One panel as an element of a page that has the style. */
export const panelElement = (panel: Panel, figure: string): Markup =>
  el(
    "svg",
    {
      class: "chart",
      viewBox: viewOf(panel).viewBox,
      role: "img",
      "aria-label": panel.title === "" ? figure : `${figure}: ${panel.title}`,
    },
    panel.content,
  );

export const barElement = ({ label, domain }: ColourBar): Markup => {
  const frame = { class: "chart bar", viewBox: BAR_VIEW.viewBox, role: "img" };
  return el("svg", { ...frame, "aria-label": label }, colourBar(label, domain));
};

const BAR_VIEW = { ...COLOUR_BAR, viewBox: `0 0 ${COLOUR_BAR.width} ${COLOUR_BAR.height}` };

const GAP = 12;
const ROW = 20;

/** Whether so many panels stand three in a row. */
export const isWide = (panels: number): boolean => panels === 3 || panels > 4;

/** A document: two or three panels side by side, the legend above, the colour bar below. */
export function svgDocument({ title, description, panels, legend = [], bar }: Drawing): string {
  const across = isWide(panels.length) ? 3 : Math.min(2, Math.max(1, panels.length));
  const width = across * PANEL.width + (across + 1) * GAP;
  const head = 34;
  const keys = legendRows(legend, width - 2 * GAP);
  const top = head + keys.length * ROW + (keys.length > 0 ? 6 : 0);
  const rows = Math.ceil(panels.length / across);
  const tall = Math.max(0, ...panels.map((panel) => viewOf(panel).height)) + GAP;
  const below = top + rows * tall;
  const height = below + (bar === undefined ? 0 : COLOUR_BAR.height + GAP);
  const placed = (x: number, y: number, view: ReturnType<typeof viewOf>, content: Markup) =>
    el("svg", { x, y, ...view }, content);
  const document = el(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      class: "chart",
      role: "img",
      "aria-label": title,
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
    },
    el("title", {}, text(title)),
    el("desc", {}, text(description)),
    el("style", {}, CHART_CLASSES as Markup),
    el("rect", { width, height, fill: "var(--paper)" }),
    el(
      "text",
      { x: GAP, y: 23, "font-size": "15", "font-weight": "600" },
      text(clippedText(title, width - 2 * GAP, 8.6)),
    ),
    joined(keys.map((row, i) => legendRow(row, head + i * ROW + ROW / 2))),
    joined(
      panels.map((panel, i) => {
        const [column, row] = [i % across, Math.floor(i / across)];
        const [x, y] = [GAP + column * (PANEL.width + GAP), top + row * tall];
        return placed(x, y, viewOf(panel), panel.content);
      }),
    ),
    ...(bar === undefined ? [] : [placed(GAP, below, BAR_VIEW, colourBar(bar.label, bar.domain))]),
  );
  return `${withLiteralColours(document)}\n`;
}

interface Placed extends Legend {
  readonly x: number;
}

/** As many side by side as fit, by an estimate of their width. */
function legendRows(legend: readonly Legend[], width: number): readonly (readonly Placed[])[] {
  const rows: Placed[][] = [];
  let x = Infinity;
  for (const entry of legend) {
    const label = clippedText(entry.label, width - 60);
    const wide = 34 + label.length * 6.8 + 16;
    if (x + wide > width) {
      rows.push([]);
      x = GAP;
    }
    rows.at(-1)!.push({ label, series: entry.series, x });
    x += wide;
  }
  return rows;
}

const legendRow = (row: readonly Placed[], y: number): Markup =>
  joined(
    row.map(({ label, series, x }) =>
      joined([
        el("path", {
          class: "l",
          d: `M${short(x)} ${y}h26`,
          stroke: colour(series),
          "stroke-dasharray": dash(series),
        }),
        mark(series, x + 13, y),
        el("text", { x: x + 32, y: y + 4 }, text(label)),
      ]),
    ),
  );
