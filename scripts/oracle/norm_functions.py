"""The norm functions: N in the equations of strategies.py. Each maps x over its last axis, with parameters of its site.

site.vector(name, low, high) is a learned vector of x's width, site.number(name, low, high) a learned number; fixtures
draw both between low and high. site.gain is False where the strategy wants no gain.
"""

import torch


def rms(x, eps):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps)


def gain(site):
    """Kept away from 1, so that a forgotten gain shows."""
    return site.vector("weight", 0.5, 1.5) if site.gain else 1


def rmsnorm(site, x, eps):
    """g x / sqrt(mean(x^2) + eps) (Zhang & Sennrich 2019)."""
    return gain(site) * rms(x, eps)


def layernorm(site, x, eps):
    """RMSNorm of the vector with its mean taken away, so eps is added to the variance. A gain, no bias."""
    return gain(site) * rms(x - x.mean(-1, keepdim=True), eps)


def rmsnorm_zero_centered(site, x, eps):
    """(1 + w) x / sqrt(mean(x^2) + eps): Gemma, Qwen3-Next."""
    w = site.vector("weight", -0.5, 0.5) if site.gain else 0
    return (1 + w) * rms(x, eps)


def rmsnorm_gain_free(site, x, eps):
    """x / sqrt(mean(x^2) + eps), without a gain whatever the strategy wants."""
    return rms(x, eps)


def dyt(site, x, eps, alpha=0.5, alpha_attn=None, bias=False, embed_scale=True):
    """g tanh(a x) + b (Zhu et al. 2025). The YAML's numbers only say where a and the embedding's factor start."""
    y = gain(site) * torch.tanh(site.number("alpha", 0.3, 0.9) * x)
    return y + site.vector("bias", -0.5, 0.5) if bias else y


def dyt_embed(site, x, alpha=0.5, alpha_attn=None, bias=False, embed_scale=True):
    """A learned number times the embedding's output."""
    return site.number("scale", 0.5, 2.0) * x if embed_scale else x


FUNCTIONS = {
    "rmsnorm": rmsnorm,
    "layernorm": layernorm,
    "rmsnorm-zero-centered": rmsnorm_zero_centered,
    "rmsnorm-gain-free": rmsnorm_gain_free,
    "dyt": dyt,
}
EMBEDS = {"dyt": dyt_embed}


def selected(norm_type):
    """The name and the parameters of a YAML `norm_type:` value: a name, or {"name": name, ...}."""
    if isinstance(norm_type, str):
        return norm_type, {}
    return norm_type["name"], {key: value for key, value in norm_type.items() if key != "name"}


def apply(norm_type, site, x, eps):
    name, parameters = selected(norm_type)
    return FUNCTIONS[name](site, x, eps, **parameters)


def on_embedding(norm_type, site, x):
    name, parameters = selected(norm_type)
    return EMBEDS[name](site, x, **parameters) if name in EMBEDS else x
