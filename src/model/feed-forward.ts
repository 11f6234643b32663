/** The feed-forward sub-layer: SwiGLU, F(x) = W_down (silu(W_gate x) * (W_up x)), dense or as a mixture of experts. */
import type { Tensor } from "../graph/graph.ts";
import { linear } from "../ops/matmul.ts";
import { moe } from "../ops/moe.ts";
import { gated } from "../ops/swiglu.ts";
import type { ModelContext } from "./context.ts";

/** x [N, D] -> [N, D]. */
export function feedForward(ctx: ModelContext, layer: number, x: Tensor): Tensor {
  return ctx.model.moe === undefined ? dense(ctx, layer, x) : experts(ctx, layer, x, ctx.model.moe);
}

function dense(ctx: ModelContext, layer: number, x: Tensor): Tensor {
  const { d_model: d, ffn_dim: f } = ctx.model;
  const { emit } = ctx.b;
  const name = (part: string) => `blocks.${layer}.ffn.${part}.weight`;
  const gate = linear(emit, x, ctx.parameter(name("gate"), [f, d], "gate", layer));
  const up = linear(emit, x, ctx.parameter(name("up"), [f, d], "up", layer));
  return linear(emit, gated(emit, gate, up), ctx.parameter(name("down"), [d, f], "down", layer));
}

/** All experts of a layer as stacked tensors; each token uses top_k of n_experts. */
function experts(
  ctx: ModelContext,
  layer: number,
  x: Tensor,
  { n_experts: e, top_k: topK }: { n_experts: number; top_k: number },
): Tensor {
  const { d_model: d, ffn_dim: f } = ctx.model;
  const name = (part: string) => `blocks.${layer}.moe.${part}.weight`;
  const router = ctx.parameter(name("router"), [e, d], "router", layer);
  const gate = ctx.parameter(name("experts.gate"), [e, f, d], "gate", layer, topK / e);
  const up = ctx.parameter(name("experts.up"), [e, f, d], "up", layer, topK / e);
  const down = ctx.parameter(name("experts.down"), [e, d, f], "down", layer, topK / e);
  return ctx.b.emit(moe, [x, router, gate, up, down], { topK })[0]!;
}
