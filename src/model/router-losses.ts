/**
 * The two losses that keep a router sound, added to the cross-entropy in training only. With c_b = `balance_loss`,
 * c_z = `z_loss`, L layers, T tokens of the micro-batch, k experts per token and C[e] the slots expert e got:
 *   olmoe:  balance = c_b E / (L T k) sum_l sum_e C[e] mean_T p[e],   z = c_z / (L T k) sum_l sum_T lse^2,
 *           as OLMoE's megablocks has it: c_b at perfect balance, and 1/k in z too;
 *   usual:  both without the 1/k: balance = c_b E mean_l sum_e (C[e] / T) mean_T p[e] (Fedus et al. 2021; c_b k at
 *           perfect balance), z = c_z times the mean of lse^2 (Zoph et al. 2022);
 *   pooled: as usual, but p[e] is the mean over all layers before it is multiplied: balance = c_b E sum_e mean_l (C[e] / T)
 *           mean_l mean_T p[e], which is the auxiliary loss of Hugging Face's Mixtral, OLMoE and Qwen3-MoE.
 * Each micro-batch counts 1/M, M their number: the balance is that of micro-batches, so their size matters.
 */
import type { Tensor } from "../graph/graph.ts";
import { add } from "../ops/add.ts";
import { balanceLoss } from "../ops/balance-loss.ts";
import { scale } from "../ops/scale.ts";
import { zLoss } from "../ops/z-loss.ts";
import type { ModelContext, Router } from "./context.ts";

/** `loss` plus the losses of all routers. */
export function withRouterLosses(ctx: ModelContext, loss: Tensor, microBatches: number): Tensor {
  const { model, routers, b } = ctx;
  const { moe } = model;
  if (moe === undefined) return loss;
  const pooled = moe.loss_normalization === "pooled" ? b.scoped("routers", () => meanP(ctx)) : undefined;
  return routers.reduce((total, router) => {
    const { balance, z } = b.scoped(`blocks.${router.layer}.router`, () =>
      terms(ctx, router, pooled ?? router.p, 1 / (routers.length * microBatches)),
    );
    return add(b.emit, add(b.emit, total, balance), z);
  }, loss);
}

/** The probabilities of every token, averaged over the layers: [N, E]. */
function meanP({ b, routers }: ModelContext): Tensor {
  const total = routers.map(({ p }) => p).reduce((x, y) => add(b.emit, x, y));
  return scale(b.emit, 1 / routers.length, total);
}

/** `balanced`: the probabilities [N, E] that the shares of this layer are multiplied with. */
function terms(ctx: ModelContext, { layer, logits, p, counts }: Router, balanced: Tensor, share: number) {
  const { b, model } = ctx;
  const moe = model.moe!;
  const tokens = p.shape[0]!;
  const each = share / (tokens * (moe.loss_normalization === "olmoe" ? moe.top_k : 1));
  const balance = scale(
    b.emit,
    moe.balance_loss * moe.n_experts * each,
    balanceLoss(b.emit, balanced, counts),
  );
  const z = scale(b.emit, moe.z_loss * each, zLoss(b.emit, logits));
  return { balance: ctx.tap("balance_loss", balance, layer), z: ctx.tap("z_loss", z, layer) };
}
