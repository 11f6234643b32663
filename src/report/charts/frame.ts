/** The frame of a chart: title, axes with ticks and units, grid. A panel is one chart; a figure has one or more. */
import { el, joined, type Markup, text } from "./element.ts";
import type { Scale } from "./scale.ts";

/** A drawn chart, for a document of its own or a part of one. */
export interface Panel {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** What is inside its svg element. */
  readonly content: Markup;
}

/** Without a title its line is left out. */
export const viewOf = ({ title, width, height }: Panel) => {
  const top = title === "" ? MARGIN.top - 16 : 0;
  return { width, height: height - top, viewBox: `0 ${top} ${width} ${height - top}` };
};

/** Small enough to be read on a phone, where it is as wide as the page. */
export const PANEL = { width: 420, height: 288 } as const;

/** Pixels around the plot. */
const MARGIN = { top: 30, right: 14, bottom: 42, left: 62 } as const;

export const PLOT = {
  x: [MARGIN.left, PANEL.width - MARGIN.right],
  y: [PANEL.height - MARGIN.bottom, MARGIN.top],
} as const;

export interface Axis {
  /** With its unit. */
  readonly label: string;
  readonly scale: Scale;
}

/** Axes, labels and, for what is drawn above it, a grid. */
export function frame(title: string, x: Axis, y: Axis, { grid = true } = {}): Markup {
  const [left, right] = PLOT.x;
  const [bottom, top] = PLOT.y;
  const middle = (top + bottom) / 2;
  const horizontal = y.scale.ticks.map(({ value, label }) => {
    const at = y.scale(value);
    return joined([
      el("path", { class: "g", d: `M${left} ${at.toFixed(1)}${grid ? `H${right}` : "h-4"}` }),
      el("text", { class: "a", x: left - 6, y: at + 4, "text-anchor": "end" }, text(label)),
    ]);
  });
  const vertical = x.scale.ticks.map(({ value, label }) =>
    joined([
      el("path", { class: "g", d: `M${x.scale(value).toFixed(1)} ${bottom}v4` }),
      el("text", { class: "a", x: x.scale(value), y: bottom + 17, "text-anchor": "middle" }, text(label)),
    ]),
  );
  return joined([
    titleText(title),
    ...horizontal,
    ...vertical,
    el("path", { class: "z", d: `M${left} ${bottom}H${right}` }),
    el(
      "text",
      { class: "a", x: (left + right) / 2, y: PANEL.height - 7, "text-anchor": "middle" },
      text(x.label),
    ),
    el(
      "text",
      { class: "a", x: 0, y: 0, "text-anchor": "middle", transform: `translate(12 ${middle}) rotate(-90)` },
      text(y.label),
    ),
  ]);
}

const titleText = (title: string): Markup =>
  el("text", { class: "t", x: 8, y: 17 }, text(clippedText(title, PANEL.width - 16, 7.4)));

/** At most as many characters as fit, of about this width each. */
export function clippedText(content: string, pixels: number, each = 6.6): string {
  const most = Math.floor(pixels / each);
  return content.length <= most ? content : `${content.slice(0, most - 1)}\u2026`;
}
