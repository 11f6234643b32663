/** Scales, ticks and charts: values land where they should, and no label can break the drawing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { escaped } from "../../../src/report/charts/element.ts";
import { svgDocument } from "../../../src/report/charts/figure.ts";
import { PLOT } from "../../../src/report/charts/frame.ts";
import { heatMap } from "../../../src/report/charts/heat-map.ts";
import { type LineChart, lineChart } from "../../../src/report/charts/line-chart.ts";
import { fenced, linear, numberLabel, scale } from "../../../src/report/charts/scale.ts";
import { allOf, parseXml, type XmlElement } from "../../xml.ts";

const labels = (ticks: readonly { readonly label: string }[]) => ticks.map(({ label }) => label);

test("ticks are round numbers inside the domain", () => {
  expect(labels(linear([0, 1], [0, 1]).ticks)).toEqual(["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  expect(labels(linear([-0.013, 0.021], [0, 1]).ticks)).toEqual(["\u22120.01", "0.00", "0.01", "0.02"]);
  expect(labels(linear([0, 3], [0, 1], { count: 6, whole: true }).ticks)).toEqual(["0", "1", "2", "3"]);
  expect(labels(linear([0, 2e9], [0, 1]).ticks)).toEqual(["0", "500M", "1B", "1.5B", "2B"]);
  expect(labels(scale("log", [1e-3, 1], [0, 1]).ticks)).toEqual(["0.001", "0.01", "0.1", "1"]);
  expect(labels(scale("log", [0.2, 0.9], [0, 1]).ticks)).toEqual(["0.2", "0.3", "0.4", "0.5", "0.7"]);
  expect(labels(scale("log", [1e-5, 1e-4], [0, 1]).ticks)).toEqual(["1e\u22125", "3e\u22125", "1e\u22124"]);
  expect([0.003, 15_000, 1e-7, 0, -2.5].map(numberLabel)).toEqual([
    "0.003",
    "15k",
    "1e\u22127",
    "0",
    "\u22122.5",
  ]);
});

test("any domain has from two to nine ticks, all inside, none twice", () => {
  const positive = fc.double({ min: 1e-30, max: 1e30, noNaN: true });
  fc.assert(
    fc.property(positive, positive, fc.constantFrom("linear" as const, "log" as const), (a, b, kind) => {
      const made = scale(kind, [Math.min(a, b), Math.max(a, b)], [10, 400]);
      const { ticks } = made;
      expect(ticks.length).toBeGreaterThanOrEqual(1);
      expect(ticks.length).toBeLessThanOrEqual(11);
      const pixels = ticks.map(({ value }) => made(value));
      expect(pixels.every((px) => px > 9.9 && px < 400.1)).toBe(true);
      expect(new Set(pixels.map((px) => px.toFixed(6))).size).toBe(ticks.length);
    }),
  );
});

test("an axis ends where an outlier would flatten all else, and says so", () => {
  const even = Array.from({ length: 50 }, (_, i) => 2 + i / 100);
  expect(fenced(even)).toEqual({ domain: [2, 2.49], cut: false });
  const { domain, cut } = fenced([...even, 900])!;
  expect([cut, domain[0]]).toEqual([true, 2]);
  expect(domain[1]).toBeLessThan(4);
  expect(fenced([Number.NaN])).toBeUndefined();
});

const chart = (over: Partial<LineChart> = {}): LineChart => ({
  title: "T",
  x: { label: "x" },
  y: { label: "y", domain: [0, 10] },
  series: [{ label: "a", series: 0, points: [0, 5, 10].map((x) => ({ x, y: x, low: x - 1, high: x + 1 })) }],
  ...over,
});

const drawn = (of: LineChart): XmlElement =>
  parseXml(svgDocument({ title: "F", description: "D", panels: [lineChart(of)!] }));

const pathOf = (of: LineChart, className: string) =>
  allOf(drawn(of), "path").filter(
    ({ attributes }) => attributes.class === className && attributes.d !== "M1 6h24",
  );

/** Pixel pairs of a path of absolute moves and lines. */
const pixels = (d: string) =>
  [...d.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);

test("points land where the axes say: ends of the line, a value half way, a band around it", () => {
  const [first, middle, last] = pixels(pathOf(chart(), "l")[0]!.attributes.d!);
  // A share of 0.04 of the domain lies beyond each end of the y axis, 0.015 of the x axis.
  const y = (value: number) => PLOT.y[0] + ((value + 0.4) / 10.8) * (PLOT.y[1] - PLOT.y[0]);
  const x = (value: number) => PLOT.x[0] + ((value + 0.15) / 10.3) * (PLOT.x[1] - PLOT.x[0]);
  for (const [value, at] of [
    [0, first!],
    [5, middle!],
    [10, last!],
  ] as const) {
    expect(at[0]).toBeCloseTo(x(value), 0);
    expect(at[1]).toBeCloseTo(y(value), 0);
  }
  const band = pixels(pathOf(chart(), "b")[0]!.attributes.d!);
  expect(band).toHaveLength(6);
  expect(band[0]![1]).toBeCloseTo(y(1), 0);
  expect(band.at(-1)![1]).toBeCloseTo(y(-1), 0);
});

test("what is not finite breaks the line; a single point is a mark; no point is no chart", () => {
  const points = [1, Number.NaN, 3, 4].map((y, x) => ({ x, y }));
  const [line] = pathOf(chart({ series: [{ label: "a", series: 0, points }] }), "l");
  expect(line!.attributes.d!.match(/M/g)).toHaveLength(2);
  const one = chart({ series: [{ label: "a", series: 0, points: [{ x: 3, y: 3 }] }] });
  expect(allOf(drawn(one), "path").some(({ attributes }) => attributes.d!.includes("a3 3"))).toBe(true);
  expect(lineChart(chart({ series: [{ label: "a", series: 0, points: [] }] }))).toBeUndefined();
});

test("a run that diverged has a cross with its name, on the line or at the rim", () => {
  const crosses = [{ x: 5, label: "run <3>" }];
  const svg = drawn(chart({ series: [{ ...chart().series[0]!, crosses }] }));
  const cross = allOf(svg, "path").find(({ text }) => text === "run <3>")!;
  const [at] = pixels(cross.attributes.d!);
  const middle = pixels(pathOf(chart(), "l")[0]!.attributes.d!)[1]!;
  expect(at![1]).toBeCloseTo(middle[1]!, 0);
});

test("hostile labels stay text", () => {
  const hostile = `</title><script>alert("1")</script>&\u0000\ud800'`;
  const series = [
    {
      label: hostile,
      series: 0,
      points: [
        { x: 0, y: 1 },
        { x: 1, y: 2 },
      ],
    },
  ];
  const panel = lineChart(chart({ title: hostile, series, x: { label: hostile } }))!;
  const legend = [{ label: hostile, series: 0 }];
  const svg = parseXml(svgDocument({ title: hostile, description: hostile, panels: [panel], legend }));
  expect(allOf(svg, "script")).toEqual([]);
  expect(allOf(svg, "title")[0]!.text).toBe(hostile.replace("\u0000", "\\u0000").replace("\ud800", "?"));
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(() => parseXml(`<a b="${escaped(text)}">${escaped(text)}</a>`)).not.toThrow();
    }),
  );
});

test("a heat map: the least value has the darkest colour, the greatest the lightest, none is left out", () => {
  const columns = [
    { x: 1, values: [0.1, 1] },
    { x: 10, values: [10, Number.NaN] },
  ];
  const panel = heatMap({ title: "m", columns, x: "step", y: "layer", domain: [0.1, 10] });
  const svg = parseXml(
    svgDocument({ title: "F", description: "D", panels: [panel], bar: { label: "norm", domain: [0.1, 10] } }),
  );
  const cells = allOf(svg, "path").filter(({ attributes }) => attributes.fill?.startsWith("#"));
  expect(cells.map(({ attributes }) => attributes.fill)).toEqual(["#20124d", "#fff3b0", expect.any(String)]);
  const middle = (PLOT.x[0] + PLOT.x[1]) / 2;
  expect(cells[0]!.attributes.d).toBe(
    `M${PLOT.x[0]}.0 138.0H${middle.toFixed(1)}V${PLOT.y[0]}.0H${PLOT.x[0]}.0z`,
  );
});

test("a document has its colours written out: Inkscape and librsvg draw a CSS variable black", () => {
  const points = [1, 2].map((x) => ({ x, y: x }));
  const series = [0, 1, 7].map((place) => ({ label: `${place}`, series: place, points }));
  const panel = lineChart({
    title: "T",
    x: { label: "x" },
    y: { label: "y", rule: 1 },
    series,
    marks: true,
  })!;
  const legend = series.map(({ label, series: place }) => ({ label, series: place }));
  const svg = svgDocument({ title: "F", description: "D", panels: [panel], legend });
  expect(svg).not.toMatch(/var\(|--|:root|@media/);
  expect(svg).toContain('stroke="#0063a8"');
  expect(svg).toContain('fill="#fff"');
});
