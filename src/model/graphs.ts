/** The graphs of training: forward and backward of one micro-batch, and the forward pass alone for evaluation. */
import { backward } from "../graph/backward.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import type { NormSelection } from "../norms/index.ts";
import { add } from "../ops/add.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { fill } from "../ops/fill.ts";
import { type TokenOutput, tokenLosses } from "../ops/token-losses.ts";
import { type AtStep, ModelContext } from "./context.ts";
import type { Parameter } from "./parameter.ts";
import { forwardHalf, type RecomputeLevel, recomputeLevels } from "./recompute.ts";
import { withRouterLosses } from "./router-losses.ts";
import type { ModelConfig } from "./schema.ts";
import type { Observe } from "./taps.ts";
import { transformer } from "./transformer.ts";

export interface ModelSpec {
  readonly model: ModelConfig;
  readonly norm: NormSelection;
}

export interface GraphOptions {
  /** Sequences per run of the graph (the micro-batch). */
  readonly batch: number;
  /** Tokens per sequence; default: the model's. */
  readonly seqLen?: number;
  /** Composite ops the engine has kernels for. */
  readonly nativeOps?: ReadonlySet<string>;
  /** Add gradients to their variables instead of replacing them (several micro-batches per step). */
  readonly accumulate?: boolean;
  /** How many such runs make up one optimizer step: the routers' losses are averaged over them. Default: 1. */
  readonly microBatches?: number;
  /** What the backward pass computes again instead of keeping it; default: nothing. Not a bit of a result changes. */
  readonly recompute?: RecomputeLevel;
  /** Read the logits back too: output `logits` [N, V]. */
  readonly logits?: boolean;
  /** Sees the model's values as the graph is built, and may add to it what is read back. */
  readonly observe?: Observe;
}

export interface ModelGraph {
  readonly graph: Graph;
  readonly parameters: readonly Parameter[];
  /** Feeds [1] beside ids, targets and weights that follow the optimizer step, by name. */
  readonly stepFeeds: ReadonlyMap<string, AtStep>;
}

/** The values of the feeds that follow the step, at step t = 1, 2, ... */
export const atStep = (
  { stepFeeds }: Pick<ModelGraph, "stepFeeds">,
  t: number,
): Readonly<Record<string, Float32Array>> =>
  Object.fromEntries([...stepFeeds].map(([name, value]) => [name, Float32Array.of(value(t))]));

/** The variable that holds a parameter's gradient. */
export const gradientOf = (parameter: string): string => `grad/${parameter}`;

/**
 * Feeds: ids, targets i32 [N], weights [N]. Output: loss = sum of weight times cross-entropy. Leaves the gradient of all
 * losses together, a mixture's routers' included, in the variable `grad/p` of every parameter p.
 */
export function gradientGraph(spec: ModelSpec, options: GraphOptions): ModelGraph {
  const { b, ctx, loss, watched } = forward(spec, options);
  const weights = ctx.parameters.map((p) => b.variable(p.name, p.shape, "weight"));
  const total = withRouterLosses(ctx, loss, options.microBatches ?? 1);
  const nodes = [...b.nodes];
  const gradients = backward(b, total, weights, { add, fill }, watched);
  ctx.parameters.forEach((p, i) => {
    b.variable(gradientOf(p.name), p.shape, "gradient");
    b.assign(gradientOf(p.name), gradients[i]!, { accumulate: options.accumulate ?? false });
  });
  const graph = b.finish();
  const level = recomputeLevels[options.recompute ?? "none"];
  const { parameters, stepFeeds } = ctx;
  return { graph: level(graph, forwardHalf(nodes, ctx.blocks, graph)), parameters, stepFeeds };
}

/** The same feeds, the loss alone, without gradients. */
export function evaluationGraph(spec: ModelSpec, options: GraphOptions): ModelGraph {
  const { b, ctx } = forward(spec, options);
  const { parameters, stepFeeds } = ctx;
  return { graph: b.finish(), parameters, stepFeeds };
}

/** Feeds ids and targets; each of `wanted` as an output [N] of its name. */
export function tokenLossesGraph(
  spec: ModelSpec,
  options: GraphOptions,
  wanted: readonly TokenOutput[],
): ModelGraph {
  const { b, ctx, ids, targets } = begun(spec, options);
  const scores = transformer(ctx, spec.norm, ids);
  const found = b.scoped("loss", () => tokenLosses(b.emit, scores, targets));
  for (const name of wanted) b.output(name, found[name]);
  if (options.logits) b.output("logits", scores);
  const { parameters, stepFeeds } = ctx;
  return { graph: b.finish(), parameters, stepFeeds };
}

/** Every parameter of a model, in the order of the forward pass; needs no engine. */
export function listParameters(spec: ModelSpec): readonly Parameter[] {
  return evaluationGraph(spec, { batch: 1, seqLen: 2 }).parameters;
}

function forward(spec: ModelSpec, options: GraphOptions) {
  const { b, ctx, ids, targets, watched } = begun(spec, options);
  const weights = b.feed("weights", targets.shape);
  const scores = transformer(ctx, spec.norm, ids);
  const loss = b.scoped("loss", () => crossEntropy(b.emit, scores, targets, weights));
  b.output("loss", loss);
  if (options.logits) b.output("logits", scores);
  return { b, ctx, loss, watched };
}

/** A graph with the feeds that all have. `watched`: values whose gradients are asked for. */
function begun({ model }: ModelSpec, { batch, seqLen = model.seq_len, nativeOps, observe }: GraphOptions) {
  const b = new GraphBuilder(nativeOps);
  const watched = new Map<Tensor, (gradient: Tensor) => void>();
  const observer = observe?.({
    emit: b.emit,
    output: (name, value) => b.output(name, value),
    gradient(value, then) {
      const others = watched.get(value);
      watched.set(value, (g) => {
        others?.(g);
        then(g);
      });
    },
  });
  const ctx = new ModelContext(b, model, batch, seqLen, observer);
  const ids = b.feed("ids", [batch * seqLen], "i32");
  const targets = b.feed("targets", [batch * seqLen], "i32");
  return { b, ctx, ids, targets, watched };
}
