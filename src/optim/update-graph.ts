/**
 * The graph that ends an optimizer step: the squared gradient norm of every parameter (before clipping), the
 * clipping factor of the whole, and each parameter's update.
 */
import { GraphBuilder } from "../graph/builder.ts";
import type { Graph, Shape } from "../graph/graph.ts";
import { clipCoefficient } from "../ops/clip-coefficient.ts";
import { fill } from "../ops/fill.ts";
import { sumSquares } from "../ops/sum-squares.ts";
import type { Optimizer } from "./optimizer.ts";
import type { OptimizerState } from "./states.ts";

/** What the update needs to know of a parameter. */
export interface Updated {
  readonly name: string;
  readonly shape: Shape;
  readonly decayed: boolean;
}

export interface UpdateOptions {
  readonly optimizer: Optimizer;
  readonly params: unknown;
  /** Default: all in f32. */
  readonly state?: OptimizerState;
  /** Largest global gradient norm; undefined: no clipping. */
  readonly clip?: number | undefined;
  /** Set the gradients back to zero afterwards (they are accumulated over micro-batches). */
  readonly resetGradients: boolean;
  /** The variable that holds a parameter's gradient. */
  readonly gradientOf: (name: string) => string;
}

/** Feed: rates. Outputs: `NAME` of each parameter = the squared norm of its gradient. */
export function updateGraph(parameters: readonly Updated[], options: UpdateOptions): Graph {
  const { optimizer, params, clip, resetGradients, gradientOf } = options;
  const { moments } = options.state ?? { moments: "f32" };
  const b = new GraphBuilder();
  const rates = b.feed("rates", [optimizer.rates(1, 1, params).length]);
  const gradients = parameters.map((p) => b.variable(gradientOf(p.name), p.shape, "gradient"));
  const squares = gradients.map((g) => sumSquares(b.emit, g));
  const coefficient = clipCoefficient(b.emit, squares, clip ?? Infinity);
  parameters.forEach(({ name, shape, decayed }, i) => {
    b.output(name, squares[i]!);
    const parameter = b.variable(name, shape, "weight");
    optimizer.update(
      b,
      { name, shape, parameter, gradient: gradients[i]!, clip: coefficient, rates, decayed, moments },
      params,
    );
    if (resetGradients) b.assign(gradientOf(name), fill(b.emit, shape, 0));
  });
  return b.finish();
}

/** Outputs: `NAME` of each parameter = the squared norm of its weights. */
export function weightNormGraph(parameters: readonly Pick<Updated, "name" | "shape">[]): Graph {
  const b = new GraphBuilder();
  for (const { name, shape } of parameters)
    b.output(name, sumSquares(b.emit, b.variable(name, shape, "weight")));
  return b.finish();
}
