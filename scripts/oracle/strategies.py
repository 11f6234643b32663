"""Where the norms stand: one function per strategy, each the equation of its paper.

A block maps its input x (X in the papers) to the next block's input. b.attn is attention A with its output
projection, b.ffn the feed-forward network F, b.norm(name, x) the learned norm N that owns the gain called `name`.
A_QKV(x) is b.attn(x, per_head="qkv"): queries, keys and values normalized within each head. b.vector and b.number are
learned factors. A strategy with several residual streams maps a tuple of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial


def pre(b, x):
    """Pre-Norm (Xiong et al. 2020).  Y = X + A(N(X));  X' = Y + F(N(Y))."""
    y = x + b.attn(b.norm("attn_norm", x))
    return y + b.ffn(b.norm("ffn_norm", y))


def post(b, x):
    """Post-Norm (Vaswani et al. 2017).  Y = N(X + A(X));  X' = N(Y + F(Y))."""
    y = b.norm("attn_norm", x + b.attn(x))
    return b.norm("ffn_norm", y + b.ffn(y))


def post_shifted(b, x):
    """Post-Norm as HybridNorm's released flags express it: each norm moved to the start of the next sub-layer.

    n = N(X);  Y = n + A(n);  m = N(Y);  X' = m + F(m).
    """
    n = b.norm("attn_norm", x)
    y = n + b.attn(n)
    m = b.norm("ffn_norm", y)
    return m + b.ffn(m)


def mix_ln(b, x, alpha=None, post_layers=None):
    """Mix-LN (Li et al. 2025).  The first P = floor(alpha L) blocks are Post-Norm, the others Pre-Norm."""
    first = math.floor(alpha * b.layers) if post_layers is None else post_layers
    return post(b, x) if b.index < first else pre(b, x)


def hybrid(b, x):
    """HybridNorm (Zhuo et al. 2025).  Y = X + A_QKV(X);  Z = N(Y);  X' = Z + F(Z)."""
    y = x + b.attn(x, per_head="qkv")
    z = b.norm("ffn_norm", y)
    return z + b.ffn(z)


def hybrid_star(b, x):
    """HybridNorm*.  Block 0 is Y = X + A_QKV(N(X)), X' = Y + F(N(Y)); the others are HybridNorm."""
    if b.index > 0:
        return hybrid(b, x)
    y = x + b.attn(b.norm("attn_norm", x), per_head="qkv")
    return y + b.ffn(b.norm("ffn_norm", y))


def first_qkv_pre(b, x):
    """HybridNorm's First-QKV-Pre.  Block 0 is Y = X + A_QKV(X), X' = Y + F(N(Y)); the others are HybridNorm."""
    if b.index > 0:
        return hybrid(b, x)
    y = x + b.attn(x, per_head="qkv")
    return y + b.ffn(b.norm("ffn_norm", y))


def deepnorm(b, x, alpha=None):
    """DeepNorm (Wang et al. 2022), decoder-only.  Y = N(a X + A(X));  X' = N(a Y + F(Y));  a = (2L)^(1/4)."""
    alpha = (2 * b.layers) ** 0.25 if alpha is None else alpha
    y = b.norm("attn_norm", alpha * x + b.attn(x))
    return b.norm("ffn_norm", alpha * y + b.ffn(y))


def sandwich(b, x):
    """Sandwich-LN (Ding et al. 2021).  Y = X + N(A(N(X)));  X' = Y + N(F(N(Y)))."""
    y = x + b.norm("attn_out_norm", b.attn(b.norm("attn_norm", x)))
    return y + b.norm("ffn_out_norm", b.ffn(b.norm("ffn_norm", y)))


def output_norm(b, x):
    """OutputNorm, the reordered norm of OLMo-2 without its QK-norm.  Y = X + N(A(X));  X' = Y + N(F(Y))."""
    y = x + b.norm("attn_out_norm", b.attn(x))
    return y + b.norm("ffn_out_norm", b.ffn(y))


def qk_norm(b, x):
    """Pre-Norm with queries and keys normalized within each head."""
    y = x + b.attn(b.norm("attn_norm", x), per_head="qk")
    return y + b.ffn(b.norm("ffn_norm", y))


def qk_norm_full(b, x):
    """Pre-Norm with queries and keys normalized over their full projected width, as in OLMoE."""
    y = x + b.attn(b.norm("attn_norm", x), full_width="qk")
    return y + b.ffn(b.norm("ffn_norm", y))


def lns(b, x):
    """LayerNorm Scaling (Sun et al. 2025).  Y = X + A(N(X) / sqrt(l));  X' = Y + F(N(Y) / sqrt(l));  l = 1..L."""
    scale = 1 / math.sqrt(b.index + 1)
    y = x + b.attn(scale * b.norm("attn_norm", x))
    return y + b.ffn(scale * b.norm("ffn_norm", y))


def placement(b, x, attn, inner, ffn):
    """The grid of HybridNorm's appendix G: a norm before attention or none, norms inside it, a norm before the FFN.

    n = N(X), or X where attn is none;  r = n where attn is post, else X;  Y = r + A_inner(n);
    m = N(Y);  s = m where ffn is post, else Y;  X' = s + F(m).
    """
    n = x if attn == "none" else b.norm("attn_norm", x)
    r = n if attn == "post" else x
    y = r + b.attn(n, per_head=inner)
    m = b.norm("ffn_norm", y)
    s = m if ffn == "post" else y
    return s + b.ffn(m)


def sub_ln(b, x):
    """Sub-LN (Magneto, Wang et al. 2022).  Y = X + Wo N(ctx(N(X)));  X' = Y + Wdown N(silu(Wgate N(Y)) * Wup N(Y))."""
    y = x + b.attn(b.norm("attn_norm", x), full_width="c")
    return y + b.ffn(b.norm("ffn_norm", y), inner=("hidden",))


def layer_scale(b, x, initial=None, per="channel"):
    """LayerScale (Touvron et al. 2021).  Y = X + c A(N(X));  X' = Y + c' F(N(Y)), c and c' vectors or numbers."""
    factor = b.vector if per == "channel" else b.number
    y = x + factor("attn_scale", 0.3, 0.9) * b.attn(b.norm("attn_norm", x))
    return y + factor("ffn_scale", 0.3, 0.9) * b.ffn(b.norm("ffn_norm", y))


def prores(b, x, warmup_steps=1000):
    """ProRes.  Y = X + a A(N(X));  X' = Y + a F(N(Y)).  Fixtures are taken at the end of training, where a is 1."""
    return pre(b, x)


def resi_dual(b, streams):
    """ResiDual (Xie et al. 2023).  Y = N(X + A(X));  X' = N(Y + F(Y));  D' = D + A(X) + F(Y)."""
    x, d = streams
    a = b.attn(x)
    y = b.norm("attn_norm", x + a)
    f = b.ffn(y)
    return b.norm("ffn_norm", y + f), d + a + f


def same(_ends, x):
    return x


def normed(ends, x):
    """The embedding's output, normalized."""
    return ends.norm("embed_norm", x)


def last_norm(ends, x):
    """Every one-stream strategy ends in a norm, Post-Norm too: so do the released codes of HybridNorm and of Mix-LN."""
    return ends.norm("final_norm", x)


def resi_dual_final(ends, streams):
    """X + N(D)."""
    x, d = streams
    return x + ends.norm("final_norm", d)


@dataclass(frozen=True)
class Strategy:
    """A block, what becomes of the embedding's output before the first one, and of the last one's before the head."""

    block: Callable
    embed: Callable = same
    final: Callable = last_norm


STRATEGIES = {
    "pre": Strategy(pre),
    "post": Strategy(post),
    "post-shifted": Strategy(post_shifted),
    "mix-ln": Strategy(mix_ln),
    "hybrid": Strategy(hybrid),
    "hybrid-star": Strategy(hybrid_star),
    "first-qkv-pre": Strategy(first_qkv_pre),
    "embed-norm": Strategy(hybrid, embed=normed),
    "deepnorm": Strategy(deepnorm),
    "sandwich": Strategy(sandwich),
    "peri": Strategy(sandwich, embed=normed),
    "output-norm": Strategy(output_norm),
    "qk-norm": Strategy(qk_norm),
    "qk-norm-full": Strategy(qk_norm_full),
    "lns": Strategy(lns),
    "placement": Strategy(placement),
    "sub-ln": Strategy(sub_ln),
    "layer-scale": Strategy(layer_scale),
    "prores": Strategy(prores),
    "resi-dual": Strategy(resi_dual, embed=lambda _, x: (x, x), final=resi_dual_final),
}


def strategy(norm):
    """The strategy of a YAML `norm:` value: a name, or {"name": name, ...its parameters}."""
    if isinstance(norm, str):
        return STRATEGIES[norm]
    parameters = {key: value for key, value in norm.items() if key != "name"}
    found = STRATEGIES[norm["name"]]
    return replace(found, block=partial(found.block, **parameters))
