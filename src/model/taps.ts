/**
 * Named values of a model, shown to an observer one by one while the graph is built: what a probe measures, and whatever
 * else is to be read back. An observer only adds nodes; where there is none the graph is as it was.
 */
import type { Emit, Tensor } from "../graph/graph.ts";

/**
 * Where a value stands, as the output of the module of that name. N = B T tokens.
 *   embed          the residual stream that enters block 0, [N, D]; no layer
 *   block          the residual stream that leaves a block, [N, D]
 *   attn, ffn      what attention and the feed-forward give, before any norm on it and the residual add, [N, D]
 *   q, k, v        queries and keys after norms and RoPE, values after their norm, [B, T, heads, d]
 *   context        what attention gives before its output projection, norm included, [B, T, heads, d]
 *   SITE_norm      what the norm of that site gives; embed_norm and final_norm have no layer
 *   logits         [N, V]; no layer
 *   router_logits, router_p, expert_counts    a router's scores and softmax [N, E], the slots each expert got, i32 [E]
 *   balance_loss, z_loss    this router's terms of the training loss, coefficients included, []
 */
export type Site =
  | "embed"
  | "block"
  | "attn"
  | "ffn"
  | "q"
  | "k"
  | "v"
  | "context"
  | NormTap
  | "logits"
  | "router_logits"
  | "router_p"
  | "expert_counts"
  | "balance_loss"
  | "z_loss";

/** The norm of a site, such as `attn_out_norm` or `final_norm`. */
type NormTap = `${string}_norm`;

export interface Tap {
  readonly site: Site;
  /** The block, from 0; absent at the ends of the model. */
  readonly layer?: number;
  /** Of a residual state with several streams: which, from 2; absent: the first or only one. */
  readonly stream?: number;
  readonly value: Tensor;
}

/** What an observer may add to the graph. */
export interface ObservedGraph {
  readonly emit: Emit;
  /** Reads a value back under `name` after each run. */
  output(name: string, value: Tensor): void;
  /**
   * Calls `then` with d loss / d `value` when the backward pass has it; never in a graph without gradients, or where the
   * loss does not depend on the value.
   */
  gradient(value: Tensor, then: (gradient: Tensor) => void): void;
}

/** Called once for a graph; what it returns is called for each value of the model, in the order of the forward pass. */
export type Observe = (graph: ObservedGraph) => (tap: Tap) => void;
