/** Runs as a sweep's folder lists them, with the losses they ended with. */
import type { RankedRun } from "../../../src/report/ranking/ranking.ts";
import type { RunState, RunStatus } from "../../../src/runs/status.ts";

/** How a run ended: with a validation loss, in a state without one, or not begun. */
export type End = number | RunState | undefined;

export function ranOf(factors: RankedRun["factors"], end: End, more: Partial<RunStatus> = {}): RankedRun {
  const name = JSON.stringify(factors);
  const loss = typeof end === "number" ? end : undefined;
  const state = typeof end === "string" ? end : "done";
  const found = loss === undefined ? {} : { val_loss: loss, val_bits_per_byte: loss / 2 };
  const status: RunStatus = {
    state,
    attempt: 1,
    run: name,
    id: name,
    pid: 7,
    host: "here",
    started: "2026-01-01T00:00:00Z",
    data_fingerprint: "d",
    ...found,
    ...more,
  };
  return { name, id: name, factors, status: end === undefined ? undefined : status };
}

/** One run per seed 1, 2, ... of an arm. */
export const seedsOf = (factors: RankedRun["factors"], ends: readonly End[]): readonly RankedRun[] =>
  ends.map((end, i) => ranOf({ ...factors, "train.seed": i + 1 }, end));
