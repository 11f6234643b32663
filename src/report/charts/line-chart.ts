/** Lines over a linear or logarithmic axis, each with a band (extremes over seeds) and marks, if wanted. */
import { el, joined, type Markup, text } from "./element.ts";
import { type Axis, frame, PANEL, type Panel, PLOT } from "./frame.ts";
import { colour, cross, dash, mark } from "./marks.ts";
import { extent, fenced, linear, type Scale, type ScaleKind, scale } from "./scale.ts";

type Pair = readonly [number, number];

export interface Point {
  readonly x: number;
  readonly y: number;
  /** The extremes that the band spans here. */
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly label: string;
  /** Which colour, dash and shape. */
  readonly series: number;
  /** By x; one that is not finite breaks the line. */
  readonly points: readonly Point[];
  /** Where runs ended because they diverged; without y on the line, or at the upper rim where that has no point. */
  readonly crosses?: readonly { readonly x: number; readonly y?: number; readonly label: string }[];
}

export interface LineChart {
  readonly title: string;
  readonly x: { readonly label: string; readonly kind?: ScaleKind; readonly whole?: boolean };
  readonly y: {
    readonly label: string;
    readonly kind?: ScaleKind;
    /** Shared with other charts; default: what the points need, without outliers. */
    readonly domain?: Pair;
    /** A value with a line of its own, such as 0 of differences. */
    readonly rule?: number;
  };
  readonly series: readonly Series[];
  /** A shape at each point: for points that are few. */
  readonly marks?: boolean;
}

/** undefined where there is no point to draw. */
export function lineChart(chart: LineChart): Panel | undefined {
  const kind = chart.y.kind ?? "linear";
  const points = chart.series.flatMap((series) => series.points);
  const crosses = chart.series.flatMap((series) => series.crosses ?? []);
  const xs = extent(
    [...points, ...crosses].map(({ x }) => x),
    chart.x.kind,
  );
  const fence = kind === "log" ? logFence(heights(points)) : fenced(heights(points));
  const wanted = chart.y.domain ?? fence?.domain;
  if (xs === undefined || wanted === undefined) return undefined;
  const x: Axis = {
    label: chart.x.label,
    scale:
      chart.x.kind === "log"
        ? scale("log", spread(xs, "log"), PLOT.x)
        : linear(spread(xs, "linear", 0.015), PLOT.x, { count: 6, whole: chart.x.whole ?? false }),
  };
  const ruled = chart.y.rule === undefined ? wanted : extent([...wanted, chart.y.rule])!;
  const y: Axis = { label: chart.y.label, scale: scale(kind, spread(ruled, kind), PLOT.y) };
  const [bottom, top] = PLOT.y;
  const [left, right] = PLOT.x;
  const cut = chart.y.domain === undefined && fence?.cut === true;
  const clip = { x: left - 6, y: top - 6, width: right - left + 12, height: bottom - top + 10 };
  const content = joined([
    frame(chart.title, x, y),
    ...(chart.y.rule === undefined
      ? []
      : [el("path", { class: "z", d: `M${left} ${y.scale(chart.y.rule).toFixed(1)}H${right}` })]),
    // A nested svg cuts off what is outside, and needs no id for it.
    el(
      "svg",
      { ...clip, viewBox: `${clip.x} ${clip.y} ${clip.width} ${clip.height}`, overflow: "hidden" },
      joined(chart.series.map((series) => band(series, x.scale, y.scale))),
      joined(chart.series.map((series) => line(series, x.scale, y.scale, chart.marks ?? false))),
      joined(chart.series.map((series) => diverged(series, x.scale, y.scale))),
    ),
    ...(cut
      ? [el("text", { class: "a", x: right, y: top - 4, "text-anchor": "end" }, text("\u2191 cut off"))]
      : []),
  ]);
  return { title: chart.title, width: PANEL.width, height: PANEL.height, content };
}

/** A little air above and below, left and right. */
function spread([low, high]: Pair, kind: ScaleKind, share = 0.04): Pair {
  if (kind === "log") {
    const by = Math.max((high / low) ** share, 1.03);
    return [low / by, high * by];
  }
  const by = (high - low) * share;
  return [low - by, high + by];
}

/** Of lines and bands. */
const heights = (points: readonly Point[]): readonly number[] =>
  points.flatMap(({ y, low = y, high = y }) => [y, low, high]);

function logFence(values: readonly number[]) {
  const domain = extent(values, "log");
  return domain === undefined ? undefined : { domain, cut: false };
}

const drawable = (value: number) => Number.isFinite(value);

function line({ label, series, points }: Series, x: Scale, y: Scale, marks: boolean): Markup {
  const at = points.map((point) => [x(point.x), y(point.y)] as const);
  const d = at.map(([px, py], i) => {
    if (!drawable(px) || !drawable(py)) return "";
    const before = at[i - 1];
    const starts = before === undefined || !drawable(before[0]) || !drawable(before[1]);
    return `${starts ? "M" : "L"}${px.toFixed(1)} ${near(py)}`;
  });
  const shown = at.filter(([px, py]) => drawable(px) && drawable(py));
  const name = el("title", {}, text(label));
  return el(
    "g",
    {},
    name,
    el("path", { class: "l", d: d.join(""), stroke: colour(series), "stroke-dasharray": dash(series) }),
    joined((marks || shown.length === 1 ? shown : []).map(([px, py]) => mark(series, px, py))),
  );
}

/** One closed area, or several where values are missing between. */
function band({ series, points }: Series, x: Scale, y: Scale): Markup {
  const areas: Point[][] = [[]];
  for (const point of points) {
    const { low = Number.NaN, high = Number.NaN } = point;
    if (drawable(y(low)) && drawable(y(high))) areas.at(-1)!.push(point);
    else if (areas.at(-1)!.length > 0) areas.push([]);
  }
  const outlines = areas
    .filter((area) => area.length > 1)
    .map((area) => {
      const upper = area.map((point) => `${x(point.x).toFixed(1)} ${near(y(point.high!))}`);
      const lower = area.toReversed().map((point) => `${x(point.x).toFixed(1)} ${near(y(point.low!))}`);
      return `M${[...upper, ...lower].join("L")}Z`;
    });
  return outlines.length === 0
    ? joined([])
    : el("path", { class: "b", d: outlines.join(""), fill: colour(series) });
}

function diverged({ series, points, crosses = [] }: Series, x: Scale, y: Scale): Markup {
  const [bottom, top] = PLOT.y;
  return joined(
    crosses.map((at) => {
      const before = points.findLast((point) => point.x <= at.x && Number.isFinite(point.y));
      const py = y(at.y ?? before?.y ?? Infinity);
      // Above the rim of a chart that is cut off, it stands on the rim.
      const height = Number.isFinite(py) ? Math.min(bottom, Math.max(top, py)) : top;
      return cross(series, x(at.x), height, el("title", {}, text(at.label)));
    }),
  );
}

/** Not so far out that a renderer's arithmetic suffers. */
const near = (pixel: number): string => Math.min(1e4, Math.max(-1e4, pixel)).toFixed(1);
