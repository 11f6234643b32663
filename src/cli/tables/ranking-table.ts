/** The table a sweep ends with. */
import { fixed } from "../../lib/format.ts";
import { type Column, table } from "../../lib/table.ts";
import { type RankBy, VALIDATION_LOSS } from "../../report/ranking/rank-by.ts";
import { dataMismatch, markedLabel, type RankedRun } from "../../report/ranking/ranking.ts";

/** Expects the runs in their order; ranks are given to finished ones. What they are ranked by is the first number. */
export function rankingTable(runs: readonly RankedRun[], by: RankBy = VALIDATION_LOSS): string {
  const ranked = dataMismatch(runs, by) === undefined;
  const columns: readonly Column<RankedRun>[] = [
    {
      title: "#",
      text: (run) => (ranked && by.scoreOf(run) !== undefined ? String(runs.indexOf(run) + 1) : ""),
    },
    { title: "run", text: (run) => run.name, align: "left" },
    ...(by.isDefault
      ? []
      : [{ title: by.title, text: (run: RankedRun) => fixed(by.scoreOf(run), by.metric.digits) }]),
    { title: "val ppl", text: ({ status }) => fixed(status?.val_ppl, 3) },
    { title: "bits/byte", text: ({ status }) => fixed(status?.val_bits_per_byte, 4) },
    { title: "val loss", text: ({ status }) => fixed(status?.val_loss, 4) },
    { title: "train loss", text: ({ status }) => fixed(status?.train_loss, 4) },
    { title: "max |grad|", text: ({ status }) => fixed(status?.max_grad_norm, 3) },
    { title: "status", text: markedLabel, align: "left" },
  ];
  return table(runs, columns);
}
