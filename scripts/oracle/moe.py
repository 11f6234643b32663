"""A mixture of experts in place of the feed-forward network, and the losses of its routers, after OLMoE.

    p = softmax(x Wr^T) over all E experts;   F(x) = sum over the k largest p_e of p_e SwiGLU_e(x)

Every expert here computes every token, and what was not chosen is multiplied by zero: slow, and nothing to get wrong.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Moe:
    """The YAML keys under `model.moe`."""

    n_experts: int = 4
    top_k: int = 2
    renormalize: bool = False
    shared_expert: int | None = None
    balance_loss: float = 0.01
    z_loss: float = 0.001
    loss_normalization: str = "olmoe"


@dataclass
class Routing:
    """What one layer's router said: scores and probabilities [tokens, E], and which experts were chosen (0 or 1)."""

    scores: torch.Tensor
    p: torch.Tensor
    chosen: torch.Tensor


def mixture(moe, x, project, swiglu):
    """x [B, T, D] -> [B, T, D] and the routing. `project(name, x, size)` and `swiglu(name, x)` own the weights."""
    scores = project("moe.router", x, moe.n_experts)
    p = torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True)
    kth = p.sort(-1, descending=True).values[..., moe.top_k - 1 : moe.top_k]
    chosen = (p >= kth).to(p.dtype).detach()
    if chosen.sum() != chosen.shape[:-1].numel() * moe.top_k:
        raise ValueError("two experts are equally probable: this case is no fixture")
    weight = p * chosen
    if moe.renormalize:
        weight = weight / weight.sum(-1, keepdim=True)
    y = sum(weight[..., e : e + 1] * swiglu(f"moe.experts.{e}", x) for e in range(moe.n_experts))
    if moe.shared_expert is not None:
        y = y + swiglu("moe.shared", x, moe.shared_expert)
    return y, Routing(scores.flatten(0, 1), p.flatten(0, 1), chosen.flatten(0, 1))


def router_losses(moe, routings):
    """The balance loss and the z-loss of all layers together, over all tokens, with their coefficients.

    olmoe: as OLMoE's megablocks divides them, by L T k both, so that perfect balance costs `balance_loss`.
    usual: E times <share of tokens, mean probability> and the mean square, averaged over layers: no 1/k in either.
    pooled: as usual, but E times <share of tokens, mean probability> of all layers' tokens taken together.
    """
    layers, k = len(routings), moe.top_k
    balance, z = 0, 0
    for routing in routings:
        tokens = len(routing.p)
        taken = routing.chosen.sum(0)  # slots of each expert
        log_sum = torch.log(torch.exp(routing.scores).sum(-1))
        if moe.loss_normalization == "olmoe":
            balance = balance + moe.n_experts / (layers * tokens * k) * (taken * routing.p.mean(0)).sum()
            z = z + (log_sum**2).sum() / (layers * tokens * k)
        else:
            balance = balance + moe.n_experts * (taken / tokens * routing.p.mean(0)).sum() / layers
            z = z + (log_sum**2).mean() / layers
    if moe.loss_normalization == "pooled":
        share = torch.cat([routing.chosen for routing in routings]).mean(0)
        balance = moe.n_experts * (share * torch.cat([routing.p for routing in routings]).mean(0)).sum()
    return moe.balance_loss * balance, moe.z_loss * z
