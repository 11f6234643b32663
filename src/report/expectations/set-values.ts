/** What runs have of their `eval.sets`, for those who judge them: the last row of each in eval.csv. */
import type { Metric } from "../../config/expect.ts";
import type { Evaluation } from "../readers/evaluations.ts";
import type { SetValue } from "./judge.ts";

/** A set has no training loss. */
const FIELDS: Readonly<Record<Metric, "loss" | "ppl" | "bitsPerByte" | undefined>> = {
  val_loss: "loss",
  val_ppl: "ppl",
  val_bits_per_byte: "bitsPerByte",
  train_loss: undefined,
};

/** `evaluationsOf`: a run's, by its name. */
export const setValues =
  (evaluationsOf: (run: string) => readonly Evaluation[]): SetValue =>
  (run, set, metric) => {
    const field = FIELDS[metric];
    const last = evaluationsOf(run).findLast(({ split }) => split === set);
    return field === undefined ? undefined : last?.[field];
  };
