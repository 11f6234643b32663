/** What was expected of a sweep and what came of it, as a table, with what there is to say of single rows below. */
import { type Column, table } from "../lib/table.ts";
import type { Verdict } from "../report/verdicts.ts";

/** Two digits that count, with a sign; of what is smaller than measured values are shown, none. */
const signed = (value: number): string => {
  const rounded = Number(Number(value.toPrecision(2)).toFixed(4));
  return rounded === 0 ? "0" : `${rounded < 0 ? "" : "+"}${rounded}`;
};

const delta = ({ delta: off, standardErrors: errors }: Verdict): string => {
  if (off === undefined) return "";
  return errors === undefined ? signed(off) : `${signed(off)} (${signed(Number(errors.toFixed(1)))} se)`;
};

/** What is known not to be met is not waited for either. */
const verdictText = ({ verdict, counts }: Verdict): string =>
  verdict === "not finished" && !counts ? "not finished, known" : verdict;

const COLUMNS: readonly Column<Verdict>[] = [
  { title: "arm", text: ({ arm }) => arm, align: "left" },
  { title: "what", text: ({ what }) => what, align: "left" },
  { title: "expected", text: ({ expected }) => expected, align: "left" },
  { title: "measured", text: ({ measured }) => measured },
  { title: "n", text: ({ n, of }) => `${n}/${of}` },
  { title: "delta", text: delta },
  { title: "verdict", text: verdictText, align: "left" },
];

/** Below the rows what there is to say of them, each once; where a claim is from is told when it does not hold. */
export function verdictTable(all: readonly Verdict[]): string {
  const told = all.flatMap(({ arm, what, note, source, verdict }) => {
    if (verdict === "not finished") return note === undefined ? [] : [note];
    const from = source === undefined || verdict === "met" ? [] : [`expected from ${source}`];
    const words = [...(note === undefined ? [] : [note]), ...from].join("; ");
    return words === "" ? [] : [`${arm}, ${what}: ${words}`];
  });
  return [table(all, COLUMNS), ...(told.length === 0 ? [] : ["", ...new Set(told)])].join("\n");
}
