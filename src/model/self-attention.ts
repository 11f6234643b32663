/**
 * Causal self-attention with grouped queries, RoPE, and the inner norms a strategy asks for:
 *   q, k, v = x W^T;  full-width norms;  split into heads;  per-head norms;  RoPE on q and k;  attend;  norm c;  W_o.
 */
import type { Tensor } from "../graph/graph.ts";
import type { InnerNorms } from "../norms/strategy.ts";
import { attention } from "../ops/attention.ts";
import { linear } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";
import { rope } from "../ops/rope.ts";
import type { ModelContext } from "./context.ts";

/** x [N, D] -> [N, D], N = B T tokens. */
export function selfAttention(
  ctx: ModelContext,
  layer: number,
  x: Tensor,
  inner: InnerNorms<Tensor>,
): Tensor {
  const { b, batch, seqLen, model } = ctx;
  const { head_dim: headDim } = model;
  const width = model.n_heads * headDim;
  const { emit } = b;
  const weight = (role: "q" | "k" | "v" | "o", shape: readonly [number, number]) =>
    ctx.matrix(`blocks.${layer}.attn.${role}.weight`, shape, role, layer);

  const project = (role: "q" | "k" | "v", heads: number): Tensor => {
    const flat = linear(emit, x, weight(role, [heads * headDim, model.d_model]));
    const split = (t: Tensor) => reshape(emit, t, [batch, seqLen, heads, headDim]);
    const norm = inner[role] ?? ((t: Tensor) => t);
    return inner.width === "full" ? split(norm(flat)) : norm(split(flat));
  };

  const q = ctx.tap("q", rope(emit, project("q", model.n_heads), model.rope_theta), layer);
  const k = ctx.tap("k", rope(emit, project("k", model.n_kv_heads), model.rope_theta), layer);
  const v = ctx.tap("v", project("v", model.n_kv_heads), layer);
  const context = attention(emit, q, k, v);
  const joined = (t: Tensor) => reshape(emit, t, [batch * seqLen, width]);
  const norm = inner.c ?? ((t: Tensor) => t);
  const full = inner.width === "full";
  const c = ctx.tap("context", full ? norm(joined(context)) : norm(context), layer);
  return linear(emit, full ? c : joined(c), weight("o", [model.d_model, width]));
}
