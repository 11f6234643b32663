/** Whether the comparison is fair: what differs between the arms besides what was swept, and whether each was tuned. */
import { LEARNING_RATE, SEED } from "../../config/axes.ts";
import { fieldAt } from "../../config/fields.ts";
import { isPlainObject } from "../../config/selection.ts";
import type { ReportData } from "../data/report-data.ts";
import { alsoDiffers } from "../differences/fairness.ts";
import { type Block, prose, type TableBlock } from "../page/blocks.ts";
import { factorText } from "../ranking/ranking.ts";

export const title = "Fairness of the comparison";

export function blocks({ arms, runs, sweep }: ReportData): readonly Block[] {
  if (arms.length < 2) return [];
  if (!runs.every(({ config }) => isPlainObject(config.train) && isPlainObject(config.model)))
    return [
      prose(
        "Not checked: another version of hnorm listed these runs, with configs that this one cannot read.",
      ),
    ];
  const found = alsoDiffers(runs, sweep.name);
  const swept = [...new Set(runs.flatMap(({ factors }) => Object.keys(factors)))].filter(
    (key) => key !== SEED,
  );
  const factors = swept.join(", ");
  const differing: readonly Block[] =
    found.length === 0
      ? [prose(`The arms differ in ${factors} alone; every other field that affects results is the same.`)]
      : [
          prose([
            `Swept was ${factors}. `,
            { strong: "The arms also differ in other fields" },
            ", which confounds the comparison. Set these fields in the config to equalize them.",
          ]),
          tableOf(found),
        ];
  const rates = new Set(runs.map(({ config }) => fieldAt(config, LEARNING_RATE.split("."))));
  const oneRate =
    rates.size === 1 && !swept.includes(LEARNING_RATE)
      ? [
          prose(
            `All arms were trained with one learning rate, ${LEARNING_RATE} ${factorText([...rates][0])}. Norm placements may have different optimal learning rates, so a difference may be due to tuning; sweep ${LEARNING_RATE} to check.`,
            "note",
          ),
        ]
      : [];
  return [...differing, ...oneRate];
}

const tableOf = (found: ReturnType<typeof alsoDiffers>): TableBlock => ({
  kind: "table",
  columns: [
    { title: "field", align: "left" },
    { title: "value", align: "left" },
    { title: "arms", align: "left" },
  ],
  rows: found.flatMap(({ key, values }) =>
    values.map(({ value, arms }, i) => ({
      cells: [i === 0 ? key : "", value === undefined ? "none" : factorText(value), arms.join("; ")],
    })),
  ),
});
