"""The same training step in PyTorch, for hnorm's CPU engine to be measured against.

    python scripts/baseline/torch_llama.py --threads 2 --steps 20

A Llama block stack with an untied head: Pre-Norm RMSNorm, RoPE, SwiGLU, torch's fused causal attention. One step is
forward, backward and AdamW on a batch of random tokens. It prints one line of JSON: the milliseconds and the loss of
each measured step, and the largest resident memory of the process.
"""

import argparse
import json
import resource
import sys
import time
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import nn


def rope_table(length, size, theta=10000.0):
    """cos and sin of the angle t * theta^(-2i/size), each [length, size], for half-split rotary positions."""
    frequency = theta ** (-torch.arange(0, size, 2) / size)
    angle = torch.outer(torch.arange(length), frequency).repeat(1, 2)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-b, a], dim=-1) * sin


class Attention(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.q = nn.Linear(d_model, d_model, bias=False)
        self.k = nn.Linear(d_model, d_model, bias=False)
        self.v = nn.Linear(d_model, d_model, bias=False)
        self.o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, cos, sin):
        q, k, v = (part(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in (self.q, self.k, self.v))
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, d_model, ffn_dim):
        super().__init__()
        self.gate = nn.Linear(d_model, ffn_dim, bias=False)
        self.up = nn.Linear(d_model, ffn_dim, bias=False)
        self.down = nn.Linear(ffn_dim, d_model, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    def __init__(self, d_model, n_heads, ffn_dim):
        super().__init__()
        self.attn_norm = nn.RMSNorm(d_model, eps=1e-5)
        self.attn = Attention(d_model, n_heads)
        self.ffn_norm = nn.RMSNorm(d_model, eps=1e-5)
        self.ffn = FeedForward(d_model, ffn_dim)

    def forward(self, x, cos, sin):
        x = x + self.attn(self.attn_norm(x), cos, sin)
        return x + self.ffn(self.ffn_norm(x))


class Llama(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.embed = nn.Embedding(options.vocab, options.d_model)
        self.blocks = nn.ModuleList(
            Block(options.d_model, options.n_heads, options.ffn_dim) for _ in range(options.n_layers)
        )
        self.final_norm = nn.RMSNorm(options.d_model, eps=1e-5)
        self.head = nn.Linear(options.d_model, options.vocab, bias=False)
        cos, sin = rope_table(options.seq_len, options.d_model // options.n_heads)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)

    def forward(self, tokens):
        """The mean cross-entropy of every next token: [B, T] -> []."""
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = self.head(self.final_norm(x))
        # The last position has nothing to predict; ignoring it is cheaper than copying the rest of the logits.
        targets = F.pad(tokens[:, 1:], (0, 1), value=-100)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=-100)


def peak_rss_mb():
    """The largest resident set of this process so far, in MiB. Linux counts it in KiB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--d-model", type=int, default=256)
    parser.add_argument("--n-layers", type=int, default=8)
    parser.add_argument("--n-heads", type=int, default=4)
    parser.add_argument("--ffn-dim", type=int, default=688)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--seq-len", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10, help="measured steps")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the measured ones")
    parser.add_argument("--threads", type=int, help="torch's own choice when absent")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 autocast instead of float32")
    return parser.parse_args()


def main():
    options = read_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = Llama(options)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=False)
    source = torch.Generator().manual_seed(0)

    step_ms, losses = [], []
    for step in range(options.warmup + options.steps):
        tokens = torch.randint(options.vocab, (options.batch, options.seq_len), generator=source)
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16) if options.bf16 else nullcontext():
            loss = model(tokens)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        elapsed = time.perf_counter() - start
        if step >= options.warmup:
            step_ms.append(round(1000 * elapsed, 3))
            losses.append(loss.item())

    report = {
        "engine": "torch",
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "step_ms": step_ms,
        "peak_rss_mb": round(peak_rss_mb(), 1),
        "losses": losses,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
