/**
 * Numbers for people. Files get full precision (csv.ts); these are for tables and messages. None of them throws, whatever it
 * is given: a number that is not finite is spelled as in the files.
 */
import { cell } from "./csv.ts";

const isNumber = (n: unknown): n is number => typeof n === "number";

/** From here on decimals tell nothing, and a column would be as wide as its largest number. */
const LARGE = 1e7;

/** With so many decimals, a large one with three digits and its power of ten; `-` for what is not there. */
export function fixed(n: number | null | undefined, digits: number): string {
  if (!isNumber(n)) return "-";
  if (!Number.isFinite(n)) return cell(n);
  return Math.abs(n) >= LARGE ? n.toExponential(2) : n.toFixed(Math.min(100, Math.max(0, digits)));
}

/** So many significant digits; `-` for what is not there. */
export function significant(n: number | null | undefined, digits: number): string {
  if (!isNumber(n)) return "-";
  return Number.isFinite(n) ? n.toPrecision(digits) : cell(n);
}

/** 12.3k, 4.56M, 1.28B: three significant digits. */
export function count(n: number): string {
  if (!Number.isFinite(n)) return fixed(n, 0);
  const units = ["", "k", "M", "B", "T", "P", "E"];
  let [value, unit] = [n, 0];
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${Number(value.toPrecision(3))}${units[unit]}`;
}

/** 1 run, 3 runs. */
export const plural = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? "" : "s"}`;

/** 126 GFLOP, 9.29 ZFLOP: floating-point operations, in SI prefixes. */
export function flops(n: number): string {
  if (!Number.isFinite(n)) return `${fixed(n, 0)} FLOP`;
  const prefixes = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];
  const power = n < 1 ? 0 : Math.min(prefixes.length - 1, Math.floor(Math.log10(n) / 3 + 1e-9));
  return `${Number((n / 1000 ** power).toPrecision(3))} ${prefixes[power]}FLOP`;
}

/** 900 B, 1.5 GiB. */
export function bytes(n: number): string {
  if (!Number.isFinite(n)) return `${fixed(n, 0)} B`;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let [value, unit] = [n, 0];
  while (value >= 1023.5 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}

/** 42 s, 3 min 20 s, 5 h 12 min, 12 days, 310 years. */
export function duration(exact: number): string {
  if (!Number.isFinite(exact)) return "unknown";
  const seconds = Math.round(exact);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  if (seconds < 86400 * 730) return `${Number((seconds / 86400).toPrecision(3))} days`;
  return `${count(seconds / 86400 / 365.25)} years`;
}
