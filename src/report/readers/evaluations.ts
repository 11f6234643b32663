/** Rows of eval.csv, by protocol and split. They are few: one per evaluation. */
import { stepOf } from "../../probes/row.ts";
import { tableRows } from "../../runs/read-table.ts";

export interface Evaluation {
  readonly step: number;
  /** `packed-v1` */
  readonly protocol: string;
  /** `validation`, or the name of a set of `eval.sets`. */
  readonly split: string;
  /** Nats per token. */
  readonly loss: number;
  readonly ppl: number;
  readonly bitsPerByte: number;
}

export function readEvaluations(path: string): readonly Evaluation[] {
  const found: Evaluation[] = [];
  for (const row of tableRows(path)) {
    const step = stepOf(row);
    if (step === undefined) continue;
    found.push({
      step,
      protocol: row.text("protocol"),
      split: row.text("split"),
      loss: row.number("loss"),
      ppl: row.number("ppl"),
      bitsPerByte: row.number("bits_per_byte"),
    });
  }
  return found;
}
