/**
 * The mixture-of-experts feed-forward layer of OLMoE (Muennighoff et al. 2024, arXiv 2409.02060):
 *   p = softmax(W_r x) over all E experts;  F(x) = sum over the k largest p_e of p_e SwiGLU_e(x),
 * with p_e not renormalised over the k unless asked. No token is dropped: an expert takes all that choose it.
 */
import type { Tensor } from "../graph/graph.ts";
import type { InnerFfnNorms } from "../norms/strategy.ts";
import { add } from "../ops/add.ts";
import { combine } from "../ops/combine.ts";
import { dispatch } from "../ops/dispatch.ts";
import { groupedMatmul } from "../ops/grouped-matmul.ts";
import { linear } from "../ops/matmul.ts";
import { normalizeRows } from "../ops/normalize-rows.ts";
import { route } from "../ops/route.ts";
import { softmax } from "../ops/softmax.ts";
import { swiglu } from "../ops/swiglu.ts";
import { topK } from "../ops/top-k.ts";
import type { ModelContext } from "./context.ts";
import type { MoeConfig } from "./schema.ts";
import { normIn, swigluNet } from "./swiglu-net.ts";

/** x [N, D] -> [N, D]. Leaves what the router's losses need in `ctx.routers`. */
export function mixture(
  ctx: ModelContext,
  layer: number,
  x: Tensor,
  { moe, inner }: { readonly moe: MoeConfig; readonly inner: InnerFfnNorms<Tensor> },
): Tensor {
  const { d_model: d } = ctx.model;
  const { n_experts: e, shared_expert: width } = moe;
  const { emit } = ctx.b;
  const name = `blocks.${layer}.moe`;
  const router = ctx.matrix(`${name}.router.weight`, [e, d], "router", layer);
  const matrices = Array.from({ length: e }, (_, expert) => expertMatrices(ctx, layer, expert, moe));

  const logits = ctx.tap("router_logits", linear(emit, x, router), layer);
  const p = ctx.tap("router_p", softmax(emit, logits), layer);
  const { values, experts } = topK(emit, p, moe.top_k);
  const weights = moe.renormalize ? normalizeRows(emit, values) : values;
  const routing = route(emit, experts, e);
  const counts = ctx.tap("expert_counts", routing.counts, layer);
  ctx.routers.push({ layer, logits, p, counts });

  const xs = dispatch(emit, x, routing);
  /** One product per expert, over the rows of its tokens. */
  const perExpert = (rows: Tensor, role: "gate" | "up" | "down") =>
    groupedMatmul(
      emit,
      rows,
      counts,
      matrices.map((m) => m[role]),
    );
  const gate = normIn(inner.gate, perExpert(xs, "gate"));
  const up = normIn(inner.up, perExpert(xs, "up"));
  const ys = perExpert(normIn(inner.hidden, swiglu(emit, gate, up)), "down");
  const y = combine(emit, ys, weights, routing);
  if (width === undefined) return y;
  return add(emit, y, swigluNet(ctx, layer, x, { name: `${name}.shared`, width, inner, network: "shared" }));
}

/** Each expert's matrices are tensors of their own: no copies of stacked weights, and gradient norms per expert. */
function expertMatrices(ctx: ModelContext, layer: number, expert: number, { n_experts, top_k }: MoeConfig) {
  const { d_model: d, ffn_dim: f } = ctx.model;
  const share = { expert, active: top_k / n_experts };
  const matrix = (role: "gate" | "up" | "down", shape: readonly [number, number]) =>
    ctx.matrix(`blocks.${layer}.moe.experts.${expert}.${role}.weight`, shape, role, layer, share);
  return { gate: matrix("gate", [f, d]), up: matrix("up", [f, d]), down: matrix("down", [d, f]) };
}
