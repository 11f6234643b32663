/** When a run has diverged: a number that is not finite, or a loss that stays well above where it started. */

export interface DivergenceRule {
  /** Nats above the first step's loss. */
  readonly above_initial: number;
  /** Steps in a row. */
  readonly patience: number;
}

/** Says after each step what is wrong, or undefined. Without a rule only non-finite numbers count. */
export function divergenceWatch(
  rule: DivergenceRule | null,
): (loss: number, gradNorm: number) => string | undefined {
  let initial: number | undefined;
  let above = 0;
  return (loss, gradNorm) => {
    if (!Number.isFinite(loss)) return `the loss is ${loss}`;
    if (!Number.isFinite(gradNorm)) return `the gradient norm is ${gradNorm}`;
    if (rule === null) return undefined;
    initial ??= loss;
    above = loss > initial + rule.above_initial ? above + 1 : 0;
    if (above < rule.patience) return undefined;
    return `the loss has been more than ${rule.above_initial} nats above its first value ${initial.toFixed(3)} for ${above} steps`;
  };
}
