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

import norm_functions
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
    norm_type: str | dict = "rmsnorm"
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

    def vector(self, name, size, low, high):
        """A learned vector [size] between two bounds: gains, offsets, factors."""
        return self._get(name, (size,), low, high)

    def _get(self, name, shape, low, high):
        if name not in self:
            self[name] = uniform(f"{self.seed}/{name}", shape, low, high).requires_grad_()
        if self[name].shape != shape:
            raise ValueError(f"{name} was used with shapes {tuple(self[name].shape)} and {shape}")
        return self[name]


# Primitives ----------------------------------------------------------------------------------------------------


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


@dataclass(frozen=True)
class Site:
    """Where a norm stands: the owner of the parameters whose names begin with `prefix`."""

    weights: Weights
    prefix: str
    width: int
    gain: bool = True

    def vector(self, name, low, high):
        return self.weights.vector(f"{self.prefix}.{name}", self.width, low, high)

    def number(self, name, low, high):
        return self.weights.vector(f"{self.prefix}.{name}", 1, low, high)


class Ends:
    """What a strategy may use around the blocks: norms, and the number of blocks."""

    def __init__(self, config, weights):
        self.config = config
        self.weights = weights
        self.layers = config.n_layers
        self.prefix = ""

    def norm(self, name, x, gain=True):
        """The learned norm called `name`, over the last axis of x; with `gain` false, one without a gain."""
        site = Site(self.weights, self.prefix + name, x.shape[-1], gain)
        return norm_functions.apply(self.config.norm_type, site, x, self.config.norm_eps)

    def vector(self, name, low, high):
        """A learned vector [D]."""
        return self.weights.vector(self.prefix + name, self.config.d_model, low, high)

    def number(self, name, low, high):
        """A learned number [1]."""
        return self.weights.vector(self.prefix + name, 1, low, high)


class Block(Ends):
    """What a strategy composes into block number `index` (0-based): one attention, one FFN, and its norms."""

    def __init__(self, config, weights, index, routings):
        super().__init__(config, weights)
        self.index = index
        self.routings = routings
        self.prefix = f"blocks.{index}."

    def attn(self, x, per_head="", full_width=""):
        """Grouped-query attention with its output projection: [B, T, D] -> [B, T, D].

        `per_head` names which of q, k, v and c are normalized within each head, with one gain [dh] that all heads
        of the layer share: q, k, v after the split into heads and before RoPE, c (the attention output, before
        the heads are joined and projected) last. `full_width` names which of q, k, v and c are normalized over their
        whole width instead: before the split into heads (OLMo-2, OLMoE), or after they are joined.
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
        joined = context.transpose(1, 2).flatten(2)
        if "c" in full_width:
            joined = self.norm("attn.c_norm", joined)
        return self._project("attn.o", joined, self.config.d_model)

    def ffn(self, x, inner=()):
        """One SwiGLU network, or a mixture of them: [B, T, D] -> [B, T, D].

        `inner` names which of gate, up and hidden are normalized over their width: W_gate x, W_up x, and their product
        before W_down. All experts share one norm; a shared expert has its own.
        """

        def swiglu(name, x, width=None):
            """down(silu(gate x) * up x)."""
            width = width or self.config.ffn_dim
            norms = "ffn.shared" if name == "moe.shared" else "ffn"

            def normed(part, y):
                return self.norm(f"{norms}.{part}_norm", y) if part in inner else y

            gate = normed("gate", self._project(f"{name}.gate", x, width))
            up = normed("up", self._project(f"{name}.up", x, width))
            return self._project(f"{name}.down", normed("hidden", silu(gate) * up), self.config.d_model)

        if self.config.moe is None:
            return swiglu("ffn", x)
        y, routing = mixture(self.config.moe, x, self._project, swiglu)
        self.routings.append(routing)
        return y

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
    ends = Ends(config, weights)
    table = weights.matrix("embed.weight", config.vocab_size, config.d_model, std=weights.embed_std)
    rows = norm_functions.on_embedding(config.norm_type, Site(weights, "embed", config.d_model), table[tokens])
    state = strategy.embed(ends, rows)
    for index in range(config.n_layers):
        state = strategy.block(Block(config, weights, index, routings), state)
    x = strategy.final(ends, state)
    head = table if config.tie_embeddings else weights.matrix("head.weight", config.vocab_size, config.d_model)
    return linear(x, head)


def next_token_loss(scores, tokens):
    """Mean cross-entropy of token t+1 given tokens 0..t, over t = 0 .. T-2 of every sequence."""
    return F.cross_entropy(scores[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
