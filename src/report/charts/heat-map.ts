/** A map of colours, layer by step, on a logarithmic scale that several maps share. */
import { el, joined, type Markup, text } from "./element.ts";
import { frame, PANEL, type Panel, PLOT } from "./frame.ts";
import { linear, scale } from "./scale.ts";

interface HeatMap {
  readonly title: string;
  /** In the order of steps. */
  readonly columns: readonly { readonly x: number; readonly values: readonly number[] }[];
  /** Rows from the bottom: the longest of the columns where not said. */
  readonly x: string;
  readonly y: string;
  /** Of the colours, shared. */
  readonly domain: readonly [number, number];
}

/** From least to most; dark to light for eyes of every kind, as its lightness grows evenly. */
const RAMP = ["#20124d", "#2f3f94", "#1f719f", "#219a8b", "#6fbe5f", "#c8d94b", "#fff3b0"];
const SHADES = 28;

export function heatMap({ title, columns, x, y, domain }: HeatMap): Panel {
  const layers = Math.max(1, ...columns.map(({ values }) => values.length));
  const [left, right] = PLOT.x;
  const [bottom, top] = PLOT.y;
  const width = (right - left) / Math.max(1, columns.length);
  const height = (bottom - top) / layers;
  const shadeOf = shading(domain);
  const areas = new Map<number, string[]>();
  for (let layer = 0; layer < layers; layer++)
    for (const { from, length, shade } of runsOfShades(columns.map(({ values }) => shadeOf(values[layer])))) {
      // By edges, not by sizes: neighbours round to one line, and no seam is seen between them.
      const [x0, x1] = [left + from * width, left + (from + length) * width].map((px) => px.toFixed(1));
      const [y0, y1] = [bottom - (layer + 1) * height, bottom - layer * height].map((py) => py.toFixed(1));
      const path = `M${x0} ${y0}H${x1}V${y1}H${x0}z`;
      areas.set(shade, [...(areas.get(shade) ?? []), path]);
    }
  const cells = [...areas].map(([shade, paths]) =>
    el("path", { d: paths.join(""), fill: shadeColour(shade), "shape-rendering": "crispEdges" }),
  );
  return {
    title,
    width: PANEL.width,
    height: PANEL.height,
    content: joined([
      el("rect", { class: "v", x: left, y: top, width: right - left, height: bottom - top }),
      ...cells,
      frame(
        title,
        {
          label: x,
          scale: columnScale(
            columns.map((column) => column.x),
            left,
            width,
          ),
        },
        { label: y, scale: linear([-0.5, layers - 0.5], [bottom, top], { count: 6, whole: true }) },
        { grid: false },
      ),
    ]),
  };
}

/** Ticks under the middle of some columns, which need not be evenly spaced. */
function columnScale(steps: readonly number[], left: number, width: number) {
  const every = Math.max(1, Math.ceil(steps.length / 6));
  const ticks = steps
    .map((step, i) => ({ value: i, label: String(step) }))
    .filter(({ value }) => value % every === 0);
  const pixel = (column: number) => left + (column + 0.5) * width;
  return Object.assign(pixel, { domain: [0, steps.length - 1] as const, ticks });
}

/** Neighbours of one shade as one cell. */
function runsOfShades(shades: readonly (number | undefined)[]) {
  const found: { from: number; length: number; shade: number }[] = [];
  shades.forEach((shade, i) => {
    const last = found.at(-1);
    if (shade === undefined) return;
    if (last?.shade === shade && last.from + last.length === i) last.length++;
    else found.push({ from: i, length: 1, shade });
  });
  return found;
}

/** Value to one of the shades; undefined of what has no logarithm. */
function shading([low, high]: readonly [number, number]): (value: number | undefined) => number | undefined {
  const wide = Math.log(high / low) || 1;
  return (value) => {
    if (value === undefined || !(value > 0) || !Number.isFinite(value)) return undefined;
    const at = Math.log(value / low) / wide;
    return Math.round(Math.min(1, Math.max(0, at)) * (SHADES - 1));
  };
}

function shadeColour(shade: number): string {
  const at = (shade / (SHADES - 1)) * (RAMP.length - 1);
  const from = Math.min(RAMP.length - 2, Math.floor(at));
  const channel = (hex: string, i: number) => Number.parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mixed = [0, 1, 2].map((i) => {
    const [a, b] = [channel(RAMP[from]!, i), channel(RAMP[from + 1]!, i)];
    return Math.round(a + (b - a) * (at - from))
      .toString(16)
      .padStart(2, "0");
  });
  return `#${mixed.join("")}`;
}

export const COLOUR_BAR = { width: 420, height: 46 } as const;

/** What the colours mean. */
export function colourBar(label: string, domain: readonly [number, number]): Markup {
  const [left, right] = PLOT.x;
  const width = (right - left) / SHADES;
  const axis = scale("log", domain, [left, right]);
  const shades = Array.from({ length: SHADES }, (_, shade) =>
    el("rect", { x: left + shade * width, y: 18, width: width + 0.3, height: 9, fill: shadeColour(shade) }),
  );
  return joined([
    el("text", { class: "a", x: left, y: 11 }, text(label)),
    ...shades,
    ...axis.ticks.map(({ value, label: at }) =>
      el("text", { class: "a", x: axis(value), y: 42, "text-anchor": "middle" }, text(at)),
    ),
  ]);
}
