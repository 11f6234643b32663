/** Scales from values to pixels, linear and logarithmic, with ticks at round numbers. */
import { fixed } from "../../lib/format.ts";

interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface Scale {
  /** Value to pixel; not within the range for a value out of the domain. */
  (value: number): number;
  readonly domain: readonly [number, number];
  readonly ticks: readonly Tick[];
}

export type ScaleKind = "linear" | "log";
type Pair = readonly [number, number];

/** The least and the greatest finite value (above 0 for a log scale); undefined of none. */
export function extent(values: Iterable<number>, kind: ScaleKind = "linear"): Pair | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (kind === "log" && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? undefined : [low, high];
}

export const scale = (kind: ScaleKind, domain: Pair, range: Pair): Scale =>
  kind === "log" ? logarithmic(domain, range) : linear(domain, range);

/** About `count` round ticks within the domain, which is made a little wider where it is a single value. */
export function linear(given: Pair, range: Pair, { count = 5, whole = false } = {}): Scale {
  // Where numbers end, a tick and the next would be one.
  const narrow = given[1] - given[0] <= 1e-9 * Math.max(Math.abs(given[0]), Math.abs(given[1]));
  const [low, high] = narrow ? widened(given[0]) : given;
  const step = Math.max(niceStep((high - low) / count), whole ? 1 : 0);
  const ticks: Tick[] = [];
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push({ value: i * step, label: linearLabel(i * step, digits) });
  const pixel = (value: number) => range[0] + ((value - low) / (high - low)) * (range[1] - range[0]);
  return Object.assign(pixel, { domain: [low, high] as const, ticks });
}

function logarithmic(given: Pair, range: Pair): Scale {
  const [low, high] = given[1] / given[0] < 1.05 ? [given[0] / 1.3, given[1] * 1.3] : given;
  const [a, b] = [Math.log(low), Math.log(high)];
  const pixel = (value: number) => range[0] + ((Math.log(value) - a) / (b - a)) * (range[1] - range[0]);
  return Object.assign(pixel, { domain: [low, high] as const, ticks: logTicks(low, high) });
}

/** Powers of ten, and between them as many round numbers as it takes to have three ticks; of many powers, some. */
function logTicks(low: number, high: number): readonly Tick[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const within = (mantissas: readonly number[], every = 1) => {
    const found: Tick[] = [];
    for (let power = first; power <= last; power++) {
      if (power % every !== 0) continue;
      for (const mantissa of mantissas) {
        const value = Number(`${mantissa}e${power}`);
        if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9))
          found.push({ value, label: numberLabel(value) });
      }
    }
    return found;
  };
  for (const mantissas of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7]]) {
    const found = within(mantissas);
    if (found.length > 8) return within([1], Math.ceil((last - first) / 6));
    if (found.length >= 3) return found;
  }
  return linear([low, high], [0, 1], { count: 3 }).ticks.map(({ value }) => ({
    value,
    label: numberLabel(Number(value.toPrecision(3))),
  }));
}

const widened = (value: number): Pair => {
  const by = value === 0 ? 1 : Math.abs(value) * 0.05;
  return [value - by, value + by];
};

/** 1, 2 or 5 times a power of ten, at least as much. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((step) => step * power >= rough * (1 - 1e-9)) ?? 10);
}

const linearLabel = (value: number, digits: number): string =>
  Math.abs(value) >= 10_000 || (value !== 0 && digits > 4)
    ? numberLabel(Number(value.toPrecision(6)))
    : fixed(value + 0, digits).replace("-", "\u2212");

/** 0.003, 20, 15k, 2.5M, 1e-5. */
export function numberLabel(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e13)) return exponent(value);
  const units: readonly Pair[] = [
    [1e12, 12],
    [1e9, 9],
    [1e6, 6],
    [1e4, 3],
  ];
  const unit = units.find(([from]) => size >= from);
  const names: Readonly<Record<number, string>> = { 12: "T", 9: "B", 6: "M", 3: "k" };
  const scaled = unit === undefined ? value : value / 10 ** unit[1];
  return `${Number(scaled.toPrecision(6))}${unit === undefined ? "" : names[unit[1]]}`.replace("-", "\u2212");
}

const exponent = (value: number): string =>
  Number(value.toPrecision(3)).toExponential().replace("e+", "e").replaceAll("-", "\u2212");

/**
 * Where an axis may end without hiding what matters: the far ends of a few values, such as a loss that explodes, are
 * cut off where they would flatten all the others. `cut`: on that side something is.
 */
export function fenced(
  values: readonly number[],
): { readonly domain: Pair; readonly cut: boolean } | undefined {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const at = (q: number) => sorted[Math.round(q * (sorted.length - 1))]!;
  const [low, high] = [at(0), at(1)];
  const fence = at(0.9) + 1.5 * (at(0.9) - at(0.1));
  return high > fence && fence > low
    ? { domain: [low, fence], cut: true }
    : { domain: [low, high], cut: false };
}
