"""A decoder-only, Llama-like language model in float64, with the place of every norm left to a strategy.

This is an oracle: it is written from the papers' equations, slowly and plainly, so that other implementations
can be compared with it. It trains nothing and is not fast. Where the norms stand is in strategies.py, what a mixture
of experts does is in moe.py.

Shapes: B sequences, T tokens, D model width, V vocabulary, H query heads, K key/value heads, dh = D / H.
Every linear map is y = x W^T with W of shape [out, in], without bias.
"""

import hashlib
import math
import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from moe import Moe, mixture


@dataclass(frozen=True)
class Config:
    """The numbers of a model. The field names are the YAML keys under `model:`."""

    d_model: int = 16
    n_layers: int = 2
    n_heads: int = 4
    n_kv_heads: int = 2
    ffn_dim: int = 20
    vocab_size: int = 29
    rope_theta: float = 10000
    norm_eps: float = 1e-5
    tie_embeddings: bool = False
    seq_len: int = 9
    norm_type: str = "rmsnorm"
    moe: Moe | None = None

    @property
    def head_dim(self):
        return self.d_model // self.n_heads


# Weights -------------------------------------------------------------------------------------------------------


def stream(name):
    """Random numbers that belong to a name. Python promises Random.random() never to change for an integer seed."""
    return random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))


def uniform(name, shape, low, high):
    """Uniform draws in [low, high), rounded to float32 and held in float64."""
    source = stream(name)
    values = [low + (high - low) * source.random() for _ in range(math.prod(shape))]
    return torch.tensor(values, dtype=torch.float64).reshape(shape).float().double()


class Weights(dict):
    """Name -> tensor. A tensor comes into being when the model first asks for it.

    So a strategy's list of tensors is whatever its equation uses, and nothing else declares it.
    A tensor depends only on the seed and its own name: two strategies share what they both have.
    """

    def __init__(self, seed, embed_std=0.3):
        super().__init__()
        self.seed = seed
        self.embed_std = embed_std

    def matrix(self, name, rows, columns, std=0.3):
        """A matrix [rows, columns] with the given standard deviation."""
        half_width = std * math.sqrt(3)  # a uniform draw of this half-width has that deviation
        return self._get(name, (rows, columns), -half_width, half_width)

    def gain(self, name, size):
        """A norm's gain [size], kept away from 1 so that a forgotten gain shows."""
        return self._get(name, (size,), 0.5, 1.5)

    def _get(self, name, shape, low, high):
        if name not in self:
            self[name] = uniform(f"{self.seed}/{name}", shape, low, high).requires_grad_()
        if self[name].shape != shape:
            raise ValueError(f"{name} was used with shapes {tuple(self[name].shape)} and {shape}")
        return self[name]


# Primitives ----------------------------------------------------------------------------------------------------


def rms_norm(x, gain, eps):
    """g * x / sqrt(mean(x^2) + eps), over the last axis."""
    return gain * x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps)


def layer_norm(x, gain, eps):
    """RMSNorm of the vector with its mean taken away, so eps is added to the variance. A gain, no bias."""
    return rms_norm(x - x.mean(-1, keepdim=True), gain, eps)


NORM_TYPES = {"rmsnorm": rms_norm, "layernorm": layer_norm}


def linear(x, weight):
    return x @ weight.T


def silu(x):
    return x * torch.sigmoid(x)


def rope(x, theta):
    """Rotary positions on x [B, heads, T, dh], half-split: entry i turns with entry i + dh/2.

    The angle at position t is t * theta^(-2i/dh), i = 0 .. dh/2 - 1.
    """
    length, size = x.shape[-2:]
    frequency = theta ** (-2 * torch.arange(size // 2, dtype=x.dtype) / size)
    angle = torch.outer(torch.arange(length, dtype=x.dtype), frequency)  # [T, dh/2]
    a, b = x[..., : size // 2], x[..., size // 2 :]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


def causal_attention(q, k, v):
    """softmax(q k^T / sqrt(dh)) v, each token seeing itself and the past. All three are [B, heads, T, dh]."""
    length, size = q.shape[-2:]
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    scores = (q @ k.transpose(-2, -1)) / math.sqrt(size)
    return torch.softmax(scores.masked_fill(future, -math.inf), dim=-1) @ v


# The model -----------------------------------------------------------------------------------------------------


class Block:
    """What a strategy composes into block number `index` (0-based): one attention, one FFN, and its norms."""

    def __init__(self, config, weights, index, routings):
        self.config = config
        self.weights = weights
        self.index = index
        self.routings = routings
        self.layers = config.n_layers

    def norm(self, name, x):
        """The learned norm called `name`, over the last axis of x."""
        gain = self.weights.gain(f"blocks.{self.index}.{name}.weight", x.shape[-1])
        return NORM_TYPES[self.config.norm_type](x, gain, self.config.norm_eps)

    def attn(self, x, per_head="", full_width=""):
        """Grouped-query attention with its output projection: [B, T, D] -> [B, T, D].

        `per_head` names which of q, k, v and c are normalized within each head, with one gain [dh] that all heads
        of the layer share: q, k, v after the split into heads and before RoPE, c (the attention output, before
        the heads are joined and projected) last. `full_width` names which of q and k are normalized over their
        whole projected width instead, before the split into heads (OLMo-2, OLMoE).
        """
        q = self._heads("q", x, self.config.n_heads, per_head, full_width)
        k = self._heads("k", x, self.config.n_kv_heads, per_head, full_width)
        v = self._heads("v", x, self.config.n_kv_heads, per_head, full_width)
        q, k = rope(q, self.config.rope_theta), rope(k, self.config.rope_theta)

        # Query head h reads key/value head floor(h / group).
        group = self.config.n_heads // self.config.n_kv_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)

        context = causal_attention(q, k, v)
        if "c" in per_head:
            context = self.norm("attn.c_norm", context)
        return self._project("attn.o", context.transpose(1, 2).flatten(2), self.config.d_model)

    def ffn(self, x):
        """One SwiGLU network, or a mixture of them: [B, T, D] -> [B, T, D]."""
        if self.config.moe is None:
            return self._swiglu("ffn", x)
        y, routing = mixture(self.config.moe, x, self._project, self._swiglu)
        self.routings.append(routing)
        return y

    def _swiglu(self, name, x, width=None):
        """down(silu(gate x) * up x)."""
        width = width or self.config.ffn_dim
        gate = self._project(f"{name}.gate", x, width)
        up = self._project(f"{name}.up", x, width)
        return self._project(f"{name}.down", silu(gate) * up, self.config.d_model)

    def _heads(self, letter, x, heads, per_head, full_width):
        """x projected by Wq, Wk or Wv and split into heads: [B, heads, T, dh]."""
        y = self._project(f"attn.{letter}", x, heads * self.config.head_dim)
        if letter in full_width:
            y = self.norm(f"attn.{letter}_norm", y)
        y = y.unflatten(-1, (heads, self.config.head_dim)).transpose(1, 2)
        if letter in per_head:
            y = self.norm(f"attn.{letter}_norm", y)
        return y

    def _project(self, name, x, size):
        return linear(x, self.weights.matrix(f"blocks.{self.index}.{name}.weight", size, x.shape[-1]))


def logits(config, strategy, weights, tokens, routings=None):
    """Scores of the whole vocabulary after every token: [B, T] -> [B, T, V]. `routings` gets those of every layer."""
    routings = [] if routings is None else routings
    norm = NORM_TYPES[config.norm_type]
    table = weights.matrix("embed.weight", config.vocab_size, config.d_model, std=weights.embed_std)
    x = table[tokens]
    if strategy.embed_norm:
        x = norm(x, weights.gain("embed_norm.weight", config.d_model), config.norm_eps)
    for index in range(config.n_layers):
        x = strategy.block(Block(config, weights, index, routings), x)
    # Every strategy ends in a norm, Post-Norm too: so do the released codes of HybridNorm and of Mix-LN.
    x = norm(x, weights.gain("final_norm.weight", config.d_model), config.norm_eps)
    head = table if config.tie_embeddings else weights.matrix("head.weight", config.vocab_size, config.d_model)
    return linear(x, head)


def next_token_loss(scores, tokens):
    """Mean cross-entropy of token t+1 given tokens 0..t, over t = 0 .. T-2 of every sequence."""
    return F.cross_entropy(scores[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
