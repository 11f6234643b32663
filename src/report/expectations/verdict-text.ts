/** How far a measurement is from what was expected, and what that comes to, in a word. */
import { fixed } from "../../lib/format.ts";
import type { Verdict } from "./verdicts.ts";

/** Two digits that count, with a sign; of what is smaller than measured values are shown, none. */
const signed = (value: number): string => {
  if (!Number.isFinite(value)) return fixed(value, 0);
  const rounded = Number(Number(value.toPrecision(2)).toFixed(4));
  return rounded === 0 ? "0" : `${rounded < 0 ? "" : "+"}${rounded}`;
};

/** In the metric's unit, and in standard errors where seeds give one. */
export const deltaText = ({ delta: off, standardErrors: errors }: Verdict): string => {
  if (off === undefined) return "";
  return errors === undefined ? signed(off) : `${signed(off)} (${signed(Number(errors.toFixed(1)))} se)`;
};

/** What is known not to be met is not waited for either. */
export const verdictText = ({ verdict, counts }: Verdict): string =>
  verdict === "not finished" && !counts ? "not finished, known" : verdict;
