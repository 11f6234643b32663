/**
 * How series are told apart: six colours, after a palette that is made for people with colour-blindness too, light and
 * dark, then the same ones dashed; and a shape for each, for print in grey.
 */
import { el, type Markup } from "./element.ts";

/** Series that one chart can hold. */
export const MAX_SERIES = 12;
const COLOURS = 6;

/**
 * Blue, vermilion, green, purple, sky and ochre after Okabe and Ito, Color Universal Design (2008), darker for white paper and
 * lighter for black, so that each has a contrast of 3 to 1 and more.
 */
const LIGHT: Readonly<Record<string, string>> = {
  ink: "#1d2127",
  soft: "#5b6470",
  line: "#d9dde3",
  paper: "#fff",
  void: "#eef0f3",
  s0: "#0063a8",
  s1: "#c8480a",
  s2: "#00805b",
  s3: "#a8467d",
  s4: "#2a8fc7",
  s5: "#9a7200",
};
const DARK: typeof LIGHT = {
  ink: "#e6e9ee",
  soft: "#9ba5b3",
  line: "#343b46",
  paper: "#14181e",
  void: "#20262e",
  s0: "#5aa9e6",
  s1: "#f5875a",
  s2: "#2fc096",
  s3: "#de8fbe",
  s4: "#8fd3f4",
  s5: "#dcb03c",
};

const variables = (palette: typeof LIGHT): string =>
  `:root{${Object.entries(palette)
    .map(([name, value]) => `--${name}:${value}`)
    .join(";")}}`;

/** Classes of all charts. */
export const CHART_CLASSES = [
  ".chart{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:12px;fill:var(--ink)}",
  ".chart .t{font-weight:600;font-size:13px}.chart .a{fill:var(--soft)}.chart .g{stroke:var(--line);fill:none}",
  ".chart .z{stroke:var(--soft);fill:none}",
  ".chart .l{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.chart .b{opacity:.16;stroke:none}",
  ".chart .v{fill:var(--void)}",
].join("");

/** The same with their colours, light and dark, for a page. */
export const CHART_STYLE = [
  variables(LIGHT),
  `@media (prefers-color-scheme:dark){${variables(DARK)}}`,
  CHART_CLASSES,
].join("");

/** With the light colours themselves in place of CSS variables, which Inkscape and librsvg draw black. */
export const withLiteralColours = (markup: string): string =>
  markup.replaceAll(/var\(--(\w+)\)/g, (variable, name: string) => LIGHT[name] ?? variable);

/** The CSS colour of a series. */
export const colour = (series: number): string => `var(--s${series % COLOURS})`;

/** Dashes of its line, where it has the colour of an earlier one. */
export const dash = (series: number): string | undefined => (series >= COLOURS ? "5 3" : undefined);

/** Its shape at a point, about 7 pixels wide. */
export function mark(series: number, x: number, y: number, ...children: readonly Markup[]): Markup {
  const d = SHAPES[series % SHAPES.length]!;
  const fill = series >= COLOURS ? "var(--paper)" : colour(series);
  return el(
    "path",
    { d: `M${x.toFixed(1)} ${y.toFixed(1)}${d}z`, fill, stroke: colour(series) },
    ...children,
  );
}

/** A cross where a run diverged. */
export const cross = (series: number, x: number, y: number, ...children: readonly Markup[]): Markup =>
  el(
    "path",
    {
      d: `M${x.toFixed(1)} ${y.toFixed(1)}m-4.5-4.5l9 9m0-9l-9 9`,
      stroke: colour(series),
      "stroke-width": 2.2,
      fill: "none",
    },
    ...children,
  );

/** Circle, square, diamond, triangle up, triangle down, bar: from the point to the outline and around. */
const SHAPES = [
  "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
  "m-2.7-2.7h5.4v5.4h-5.4",
  "m0-4l4 4l-4 4l-4-4",
  "m0-3.8l3.8 6.6h-7.6",
  "m0 3.8l3.8-6.6h-7.6",
  "m-4-1.6h8v3.2h-8",
];

/** A short piece of a series' line with its shape, for legends and tables. */
export const swatch = (series: number): Markup =>
  el(
    "svg",
    { class: "chart swatch", width: 26, height: 12, viewBox: "0 0 26 12", "aria-hidden": "true" },
    el("path", { class: "l", d: "M1 6h24", stroke: colour(series), "stroke-dasharray": dash(series) }),
    mark(series, 13, 6),
  );
