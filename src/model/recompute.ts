/** How much of the blocks' inner values a training step keeps for its backward pass, and how much it computes again. */
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { type Forward, recompute, worthwhile } from "../graph/recompute.ts";

/** One block of the model as it stands in a graph under construction: nodes `from` to before `to`, and its streams. */
export interface BlockSpan {
  readonly from: number;
  readonly to: number;
  readonly outputs: readonly Tensor[];
}

/** The forward half of a gradient graph. */
export interface ForwardHalf {
  readonly nodes: Forward;
  /** Nodes within blocks whose results nothing but the model itself reads. */
  readonly inner: ReadonlySet<Node>;
}

type Level = (graph: Graph, forward: ForwardHalf) => Graph;

/** From the fastest to the smallest. */
export const recomputeLevels = {
  /** Keep all that the backward pass reads. */
  none: (graph) => graph,
  /** Keep what products and attention gave, and what is no larger; compute norms and activations again from it. */
  selective(graph, { nodes, inner }) {
    const cheap = new Set([...inner].filter(({ op }) => op.cheap));
    return recompute(graph, nodes, worthwhile(graph, nodes, cheap));
  },
  /** Keep each block's input alone and compute the block again. */
  full: (graph, { nodes, inner }) => recompute(graph, nodes, inner),
} as const satisfies Record<string, Level>;

export type RecomputeLevel = keyof typeof recomputeLevels;
export const recomputeNames = Object.keys(recomputeLevels) as RecomputeLevel[];

/**
 * `nodes`: those of the forward pass. Blocks' results stay, and what the graph hands out; so do whole numbers, such as
 * the experts that a token went to: they are small, and choices must stay the same ones.
 */
export function forwardHalf(nodes: readonly Node[], blocks: readonly BlockSpan[], graph: Graph): ForwardHalf {
  const stays = new Set([...graph.outputs.values(), ...blocks.flatMap(({ outputs }) => outputs)]);
  const inBlocks = blocks.flatMap(({ from, to }) => nodes.slice(from, to));
  const inner = inBlocks.filter((n) => !n.outputs.some((t) => stays.has(t) || t.dtype === "i32"));
  return { nodes: new Set(nodes), inner: new Set(inner) };
}
