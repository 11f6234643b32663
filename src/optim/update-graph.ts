/**
 * The graph that ends an optimizer step: the squared gradient norm of every parameter (before clipping), the
 * clipping factor of the whole, and each parameter's update by the optimizer of its group.
 */
import { GraphBuilder } from "../graph/builder.ts";
import type { Graph, Shape, Tensor } from "../graph/graph.ts";
import { clipCoefficient, clipped } from "../ops/clip-coefficient.ts";
import { fill } from "../ops/fill.ts";
import { sumSquares } from "../ops/sum-squares.ts";
import { type Rated, rateFeeds } from "./rate-feeds.ts";
import type { OptimizerState } from "./states.ts";

/** What the update needs to know of a parameter. */
export interface Updated extends Rated {
  readonly name: string;
  readonly shape: Shape;
  /** Whether weight decay applies to it. */
  readonly decayed: boolean;
}

export interface UpdateOptions {
  /** Default: all in f32. */
  readonly state?: OptimizerState;
  /** Largest global gradient norm; undefined: no clipping. */
  readonly clip?: number | undefined;
  /** Set the gradients back to zero afterwards (they are accumulated over micro-batches). */
  readonly resetGradients: boolean;
  /** The variable that holds a parameter's gradient. */
  readonly gradientOf: (name: string) => string;
}

export interface Update {
  /** Outputs: `NAME` of each parameter = the squared norm of its gradient. */
  readonly graph: Graph;
  /** What the graph is fed at step t = 1, 2, ... with learning rate lr. */
  feeds(t: number, lr: number): Readonly<Record<string, Float64Array>>;
  /** The gradient's norm before clipping, and the factor that clipping applied, from the graph's outputs. */
  clipping(squares: Readonly<Record<string, number>>): ReturnType<typeof clipped>;
}

export function updateGraph(parameters: readonly Updated[], options: UpdateOptions): Update {
  const { clip = Infinity, resetGradients, gradientOf } = options;
  const { moments } = options.state ?? { moments: "f32" };
  const b = new GraphBuilder();
  const { feeds, ratesOf } = rateFeeds(b, parameters);
  const gradients = parameters.map((p) => b.variable(gradientOf(p.name), p.shape, "gradient"));
  const squares = gradients.map((g) => sumSquares(b.emit, g));
  const coefficient = clipCoefficient(b.emit, squares, clip);
  parameters.forEach((p, i) => {
    const { name, shape, group } = p;
    const { optimizer, params } = group;
    b.output(name, squares[i]!);
    const parameter = b.variable(name, shape, "weight");
    const state: Record<string, Tensor> = {};
    for (const [key, of] of Object.entries(optimizer.state(shape, params)))
      state[key] = b.variable(`${key}/${name}`, of, "moment", moments);
    const updated = optimizer.update(
      b.emit,
      {
        parameter,
        gradient: gradients[i]!,
        clip: coefficient,
        rates: ratesOf(p),
        weightDecay: p.decayed ? optimizer.weightDecay(params) : 0,
        state,
      },
      params,
    );
    b.assign(name, updated.parameter);
    for (const key of Object.keys(state)) b.assign(`${key}/${name}`, updated.state[key]!);
    if (resetGradients) b.assign(gradientOf(name), fill(b.emit, shape, 0));
  });
  return {
    graph: b.finish(),
    feeds,
    clipping: (found) =>
      clipped(
        parameters.map(({ name }) => found[name]!),
        clip,
      ),
  };
}

/** Outputs: `NAME` of each parameter = the squared norm of its weights. */
export function weightNormGraph(parameters: readonly Pick<Updated, "name" | "shape">[]): Graph {
  const b = new GraphBuilder();
  for (const { name, shape } of parameters)
    b.output(name, sumSquares(b.emit, b.variable(name, shape, "weight")));
  return b.finish();
}
