/**
 * What changes in an update from step to step, fed as one small tensor to all parameters of one group and one
 * learning-rate factor: `rates` where all are alike, else `rates/0`, `rates/1`, ... in the order of the parameters.
 */
import type { GraphBuilder } from "../graph/builder.ts";
import type { Tensor } from "../graph/graph.ts";
import type { ParameterGroup } from "./groups.ts";

/** What decides how fast a parameter learns. */
export interface Rated {
  readonly group: Pick<ParameterGroup, "optimizer" | "params" | "lrFactor">;
  /** Factor on the learning rate of this parameter alone; absent: 1. */
  readonly lrFactor?: number;
}

interface RateFeeds {
  /** The values of all feeds at step t = 1, 2, ... with learning rate lr. */
  feeds(t: number, lr: number): Readonly<Record<string, Float64Array>>;
  /** The feed that a parameter's update reads. */
  ratesOf(parameter: Rated): Tensor;
}

export function rateFeeds(b: GraphBuilder, parameters: readonly Rated[]): RateFeeds {
  const kinds: Rated[] = [];
  const kindOf = ({ group, lrFactor = 1 }: Rated): number =>
    kinds.findIndex((kind) => kind.group === group && kind.lrFactor === lrFactor);
  for (const parameter of parameters) {
    const { group, lrFactor = 1 } = parameter;
    if (kindOf(parameter) < 0) kinds.push({ group, lrFactor });
  }
  const feeds = kinds.map(({ group: { optimizer, params, lrFactor }, lrFactor: own = 1 }, i) => {
    const rates = (t: number, lr: number) => optimizer.rates(t, lr * lrFactor * own, params);
    const name = kinds.length === 1 ? "rates" : `rates/${i}`;
    return { name, rates, tensor: b.feed(name, [rates(1, 1).length]) };
  });
  return {
    feeds: (t, lr) =>
      Object.fromEntries(feeds.map(({ name, rates }) => [name, Float64Array.from(rates(t, lr))])),
    ratesOf: (parameter) => feeds[kindOf(parameter)]!.tensor,
  };
}
