/** Rows of eval.csv, by protocol and split. They are few: one per evaluation. */
import { stepOf } from "../../probes/row.ts";
import { tableRows } from "../../runs/read-table.ts";

export interface Evaluation {
  readonly step: number;
  /** `packed-v1` */
  readonly protocol: string;
  /** `validation`, or the name of a set of `eval.sets`. */
  readonly split: string;
  /** What it gave, by the names of metrics. */
  readonly scores: Readonly<Record<string, number>>;
}

/** Columns that are no metric. */
const OTHERS = ["step", "protocol", "split", "n_tokens", "n_bytes"];

export function readEvaluations(path: string): readonly Evaluation[] {
  const found: Evaluation[] = [];
  for (const row of tableRows(path)) {
    const step = stepOf(row);
    if (step === undefined) continue;
    const given = row.columns.filter((column) => !OTHERS.includes(column) && row.text(column) !== "");
    found.push({
      step,
      protocol: row.text("protocol"),
      split: row.text("split"),
      scores: Object.fromEntries(given.map((column) => [column, row.number(column)])),
    });
  }
  return found;
}
