/** What the routers of a mixture of experts did in one step, from the graph outputs of its micro-batches. */
import type { Floats } from "../backends/backend.ts";
import { routerOutputs } from "../model/router-losses.ts";
import type { ModelConfig } from "../model/schema.ts";

/** One layer's router over one step. */
export interface RouterReport {
  readonly layer: number;
  /** Mean entropy of the router's probabilities, in nats: log E where it does not choose. */
  readonly entropy: number;
  /** This layer's terms of the loss, coefficients included: over all layers they add up to the whole. */
  readonly balanceLoss: number;
  readonly zLoss: number;
  /** Tokens times top_k that no expert took. */
  readonly droppedTokens: number;
  /** Share of the tokens' choices that went to each expert; 1 in all. */
  readonly tokenShares: readonly number[];
}

export interface RouterTally {
  /** Adds the outputs of one micro-batch. */
  add(outputs: Readonly<Record<string, Floats>>): void;
  /** One report per layer, of what was added since the last. */
  reports(): readonly RouterReport[];
}

/** `undefined` for a dense model. `tokens`: of one micro-batch; `microBatches`: of a step. */
export function routerTally(
  model: Pick<ModelConfig, "moe" | "n_layers">,
  { tokens, microBatches = 1 }: { readonly tokens: number; readonly microBatches?: number },
): RouterTally | undefined {
  const { moe } = model;
  if (moe === undefined) return undefined;
  const choices = tokens * microBatches * moe.top_k;
  const layers = Array.from({ length: model.n_layers }, (_, layer) => layer);
  const none = () =>
    layers.map(() => ({ balance: 0, z: 0, entropy: 0, counts: new Float64Array(moe.n_experts) }));
  let sums = none();
  return {
    add(outputs) {
      for (const layer of layers) {
        const [sum, names] = [sums[layer]!, routerOutputs(layer)];
        sum.balance += outputs[names.balance]![0]!;
        sum.z += outputs[names.z]![0]!;
        sum.entropy += outputs[names.entropy]![0]!;
        outputs[names.counts]!.forEach((count, e) => {
          sum.counts[e]! += count;
        });
      }
    },
    reports() {
      const reports = sums.map(({ balance, z, entropy, counts }, layer): RouterReport => {
        const taken = counts.reduce((sum, count) => sum + count, 0);
        return {
          layer,
          entropy: entropy / microBatches,
          balanceLoss: balance,
          zLoss: z,
          droppedTokens: choices - taken,
          tokenShares: [...counts].map((count) => count / taken),
        };
      });
      sums = none();
      return reports;
    },
  };
}
