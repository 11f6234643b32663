/** A sweep as `hnorm status` shows it: how many runs are in which state, and when the last one will end. Pure. */
import type { Run } from "../../sweep/expand.ts";
import { type RunView, VIEW_STATES, type ViewState } from "./run-view.ts";

export interface SweepView {
  readonly name: string;
  readonly runs: readonly RunView[];
  readonly counts: Readonly<Record<ViewState, number>>;
  /** Steps done of all steps. */
  readonly step: number;
  readonly steps: number;
  /** At the pace of the runs that are running now, together; absent where that is not known. */
  readonly etaSeconds?: number;
  /** No run of it will go on by itself: all are done, diverged or failed. */
  readonly over: boolean;
}

/** `runs` and `views` in one order. */
export function viewSweep(name: string, runs: readonly Run[], views: readonly RunView[]): SweepView {
  const counts = Object.fromEntries(VIEW_STATES.map((state) => [state, 0])) as Record<ViewState, number>;
  let [step, steps, workLeft, pace] = [0, 0, 0, 0];
  for (const [i, view] of views.entries()) {
    counts[view.state]++;
    steps += view.steps;
    const over = OVER.includes(view.state);
    step += over ? view.steps : view.step;
    const perToken = workPerToken(runs[i]!.config.model);
    const perStep = (perToken * runs[i]!.config.train.tokens) / view.steps;
    if (!over) workLeft += perStep * (view.steps - view.step);
    pace += perStep * (view.stepsPerSecond ?? 0);
  }
  const over = OVER.reduce((sum, state) => sum + counts[state], 0) === views.length;
  const eta = pace > 0 ? { etaSeconds: workLeft / pace } : {};
  return { name, runs: views, counts, step, steps, ...eta, over };
}

const OVER: readonly ViewState[] = ["done", "diverged", "failed"];

/**
 * Multiplications per token, to weigh runs of one sweep against each other: matrices and the head, and attention over
 * half the context on average.
 */
function workPerToken(m: Run["config"]["model"]): number {
  const attention =
    m.d_model * m.head_dim * (2 * m.n_heads + 2 * m.n_kv_heads) + m.seq_len * m.n_heads * m.head_dim;
  const feedForward = 3 * m.d_model * m.ffn_dim * (m.moe?.top_k ?? 1);
  return m.n_layers * (attention + feedForward) + m.d_model * m.vocab_size;
}
