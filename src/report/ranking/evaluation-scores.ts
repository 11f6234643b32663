/** What runs came to in their evaluations: on their own validation split as their status has it, on `eval.sets` by eval.csv. */
import { MAIN } from "../../config/evaluation-metrics.ts";
import type { Evaluation } from "../readers/evaluations.ts";
import type { RankedRun } from "./ranking.ts";

/** The number of a run that is done; undefined where that evaluation gave none. */
export type ScoreOf = (
  run: Pick<RankedRun, "name" | "status">,
  split: string,
  metric: string,
) => number | undefined;

/** `evaluationsOf`: a run's, by its name. The last of a set is the one that counts. */
export const evaluationScores =
  (evaluationsOf: (run: string) => readonly Evaluation[]): ScoreOf =>
  ({ name, status }, split, metric) => {
    if (status?.state !== "done") return undefined;
    if (split !== MAIN) return evaluationsOf(name).findLast((row) => row.split === split)?.scores[metric];
    const { val_loss: loss, val_ppl: ppl, val_bits_per_byte: bits_per_byte } = status;
    const own: Readonly<Record<string, number | undefined>> = { loss, ppl, bits_per_byte };
    return own[metric];
  };
