/** Of an arm with all its learning rates, the runs that a claim about its best one is judged by. Pure. */
import type { RankBy } from "../ranking/rank-by.ts";
import type { RankedRun } from "../ranking/ranking.ts";
import { tunedArms } from "../ranking/tuned.ts";
import type { Group } from "./judge.ts";

/**
 * Which rate is best is known once all runs have ended: before that, those that have not are the group. Where no rate is
 * complete, all of them are: the diverged runs among them miss every number. `all`: the runs of the sweep.
 */
export function groupAtBestRate(
  { label, runs }: Group,
  all: readonly RankedRun[],
  labelOf: (run: RankedRun) => string,
  by: RankBy,
): Group {
  const open = runs.filter(({ status }) => status?.state !== "done" && status?.state !== "diverged");
  if (open.length > 0) return { label: `${label} and its other rates`, runs: open };
  const names = new Set(runs.map(({ name }) => name));
  const found = tunedArms(all, "", by).find(({ arm }) => arm.runs.some(({ name }) => names.has(name)));
  if (found?.best === undefined) return { label: `${label} and its other rates`, runs };
  const best = found.runsAt(found.best.rate).filter(({ name }) => names.has(name));
  return { label: `${labelOf(best[0]!)} (best)`, runs: best };
}
