/** Numbers in the sentences and tables of a report. */
import { fixed as fixedText } from "../../lib/format.ts";

/** With so many decimals; empty for what is not there. */
export const fixed = (value: number | undefined, digits: number): string =>
  value === undefined ? "" : minus(fixedText(value, digits));

/** A loss or a difference of losses: 1.2346. */
export const nats = (value: number | undefined): string => fixed(value, 4);

/** With its sign, for differences: +0.0123. */
export const signed = (value: number, digits = 4): string => `${value > 0 ? "+" : ""}${fixed(value, digits)}`;

/** Three significant digits: 0.0123, 4.56, 1230, 1.2e-7. */
export function rounded(value: number | undefined, digits = 3): string {
  if (value === undefined) return "";
  if (!Number.isFinite(value)) return fixed(value, digits);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return minus(value.toExponential(digits - 1).replace("e+", "e"));
  return fixed(value, digits - 1 - Math.floor(Math.log10(size) + 1e-12));
}

/** 12.3 %. */
export const percent = (share: number): string => `${fixed(share * 100, 1)} %`;

const minus = (text: string): string => text.replaceAll("-", "\u2212");
