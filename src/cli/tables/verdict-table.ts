/** What was expected of a sweep and what came of it, as a table, with what there is to say of single rows below. */
import { type Column, table } from "../../lib/table.ts";
import { deltaText, verdictText } from "../../report/expectations/verdict-text.ts";
import type { Verdict } from "../../report/expectations/verdicts.ts";

const COLUMNS: readonly Column<Verdict>[] = [
  { title: "arm", text: ({ arm }) => arm, align: "left" },
  { title: "what", text: ({ what }) => what, align: "left" },
  { title: "expected", text: ({ expected }) => expected, align: "left" },
  { title: "measured", text: ({ measured }) => measured },
  { title: "n", text: ({ n, of }) => `${n}/${of}` },
  { title: "delta", text: deltaText },
  { title: "verdict", text: verdictText, align: "left" },
];

/** Below the rows what there is to say of them, each once; where a claim is from is told when it does not hold. */
export function verdictTable(all: readonly Verdict[]): string {
  const told = all.flatMap(({ arm, what, note, source, verdict }) => {
    if (verdict === "not finished") return note === undefined ? [] : [note];
    const from = source === undefined || verdict === "met" ? [] : [`expectation from ${source}`];
    const words = [...(note === undefined ? [] : [note]), ...from].join("; ");
    return words === "" ? [] : [`${arm}, ${what}: ${words}`];
  });
  return [table(all, COLUMNS), ...(told.length === 0 ? [] : ["", ...new Set(told)])].join("\n");
}
