/** The feed-forward sub-layer: one SwiGLU network, or a mixture of experts. */
import type { Tensor } from "../graph/graph.ts";
import type { InnerFfnNorms } from "../norms/strategy.ts";
import type { ModelContext } from "./context.ts";
import { mixture } from "./moe.ts";
import { swigluNet } from "./swiglu-net.ts";

/** x [N, D] -> [N, D]. */
export function feedForward(
  ctx: ModelContext,
  layer: number,
  x: Tensor,
  inner: InnerFfnNorms<Tensor>,
): Tensor {
  const { moe, ffn_dim: width } = ctx.model;
  if (moe === undefined) return swigluNet(ctx, layer, x, { name: `blocks.${layer}.ffn`, width, inner });
  return mixture(ctx, layer, x, { moe, inner });
}
