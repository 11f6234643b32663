/** When a run has diverged: a number that is not finite, or a loss that stays well above where it started. */
import { fixed } from "../lib/format.ts";
import type { EvaluationSet } from "./evaluation-sets.ts";

export interface DivergenceRule {
  /** Nats above the first step's loss. */
  readonly above_initial: number;
  /** Steps in a row. */
  readonly patience: number;
  /** It has not learned either whose loss was never below this, in nats, by that step; unigram: token frequencies' loss. */
  readonly must_fall?: { readonly below: number | "unigram"; readonly by_step: number } | undefined;
}

/** What the watch remembers between steps. */
export interface WatchState {
  /** The first step's loss; absent before it. */
  readonly initial?: number;
  /** Steps in a row above the limit, up to now. */
  readonly above: number;
  /** The lowest loss of any step, where the rule asks for it. */
  readonly lowest?: number;
}

export interface DivergenceWatch {
  /** Looks at a step, which may have no loss; says what is wrong, or undefined. */
  look(step: number, loss: number | undefined, gradNorm: number): string | undefined;
  state(): WatchState;
}

/** Without a rule only numbers that are not finite count. `from`: the state to go on with. */
export function divergenceWatch(
  rule: DivergenceRule | null,
  from: WatchState = { above: 0 },
  unigramLoss = Infinity,
): DivergenceWatch {
  let { initial, above, lowest } = from;
  const { must_fall: fall } = rule ?? {};
  const below = fall?.below === "unigram" ? unigramLoss : (fall?.below ?? Infinity);
  return {
    state: () => ({
      ...(initial === undefined ? {} : { initial }),
      above,
      ...(lowest === undefined ? {} : { lowest }),
    }),
    look(step, loss, gradNorm) {
      if (loss !== undefined && !Number.isFinite(loss)) return `the loss is ${loss}`;
      if (!Number.isFinite(gradNorm)) return `the gradient norm is ${gradNorm}`;
      if (rule === null || loss === undefined) return undefined;
      initial ??= loss;
      above = loss > initial + rule.above_initial ? above + 1 : 0;
      if (fall !== undefined) {
        lowest = Math.min(lowest ?? loss, loss);
        if (step >= fall.by_step && lowest >= below) {
          const what = fall.below === "unigram" ? `${fixed(below, 3)}, that of token frequencies,` : below;
          return `the loss has not fallen below ${what} by step ${fall.by_step}: lowest ${fixed(lowest, 3)}`;
        }
      }
      if (above < rule.patience) return undefined;
      const limit = `${rule.above_initial} nats above its first value ${fixed(initial, 3)}`;
      return `the loss has been more than ${limit} for ${above} steps`;
    },
  };
}

/**
 * What is wrong with an evaluation, or undefined. A number that only follows from another, as perplexity does from the loss,
 * may be too large to be written where the other is not.
 */
export function notFinite(
  { split, metrics }: Pick<EvaluationSet, "split" | "metrics">,
  scores: Readonly<Record<string, number>>,
): string | undefined {
  const wrong = Object.entries(scores).find(
    ([name, value]) => metrics[name]?.follows === undefined && !Number.isFinite(value),
  );
  return wrong && `the ${wrong[0]} on ${split} is ${wrong[1]}`;
}
