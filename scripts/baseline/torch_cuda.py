"""The training step of a dense Llama in PyTorch on one NVIDIA GPU, for hnorm's cuda engine to be measured against.

    python scripts/baseline/torch_cuda.py --d-model 2048 --n-layers 16 --n-heads 16 --ffn-dim 8192 --vocab 50304 --tie 0

What a careful user gets without writing kernels: torch.compile, bf16 autocast over float32 weights, fused scaled dot
product attention, fused AdamW, clipping, micro-batches accumulated in float32. Tokens are random and already on the
GPU; time is taken with CUDA events around whole optimizer steps. `--micro 1` adds the parts alone: a device copy, a
matrix product, RMSNorm and attention, forward and backward. It prints one line of JSON.

MFU is that of PaLM (Chowdhery et al. 2022, appendix B): (6 N + 12 L d T) FLOPs per token, N without the embedding
table (with it where the head is tied to it), over `--peak` FLOP/s.
"""

import argparse
import json
import statistics

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from torch_llama import rope_table, rotate

BACKENDS = {
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}


class Block(nn.Module):
    """Pre-Norm, or with `hybrid` the block of HybridNorm: normalized q, k, v and a norm before the feed-forward."""

    def __init__(self, o):
        super().__init__()
        size = o.d_model // o.n_heads
        self.heads, self.kv_heads, self.hybrid = o.n_heads, o.n_kv_heads, o.norm == "hybrid"
        self.qkv = nn.Linear(o.d_model, (o.n_heads + 2 * o.n_kv_heads) * size, bias=False)
        self.o = nn.Linear(o.n_heads * size, o.d_model, bias=False)
        self.gate_up = nn.Linear(o.d_model, 2 * o.ffn_dim, bias=False)
        self.down = nn.Linear(o.ffn_dim, o.d_model, bias=False)
        self.ffn_norm = nn.RMSNorm(o.d_model, eps=1e-5)
        if self.hybrid:
            self.q_norm, self.k_norm, self.v_norm = (nn.RMSNorm(size, eps=1e-5) for _ in range(3))
        else:
            self.attn_norm = nn.RMSNorm(o.d_model, eps=1e-5)

    def forward(self, x, cos, sin):
        h = x if self.hybrid else self.attn_norm(x)
        parts = [self.heads, self.kv_heads, self.kv_heads]
        q, k, v = self.qkv(h).unflatten(-1, (sum(parts), -1)).split(parts, dim=-2)
        if self.hybrid:
            q, k, v = self.q_norm(q), self.k_norm(k), self.v_norm(v)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.heads != self.kv_heads)
        x = x + self.o(mixed.transpose(1, 2).flatten(2))
        z = self.ffn_norm(x)
        gate, up = self.gate_up(z).chunk(2, dim=-1)
        return (z if self.hybrid else x) + self.down(F.silu(gate) * up)


class Llama(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.embed = nn.Embedding(o.vocab, o.d_model)
        self.blocks = nn.ModuleList(Block(o) for _ in range(o.n_layers))
        self.final_norm = nn.RMSNorm(o.d_model, eps=1e-5)
        self.head = nn.Linear(o.d_model, o.vocab, bias=False)
        if o.tie:
            self.head.weight = self.embed.weight
        cos, sin = rope_table(o.seq_len, o.d_model // o.n_heads, o.theta)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)

    def forward(self, ids, targets):
        x = self.embed(ids).to(torch.bfloat16)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = self.head(self.final_norm(x))
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def timed(device, body, warmup, rounds):
    """Milliseconds of each round, by CUDA events (on a CPU, where this can only be tried out, by the clock)."""
    if device != "cuda":
        import time

        def once():
            start = time.perf_counter()
            body()
            return 1000 * (time.perf_counter() - start)
    else:

        def once():
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            body()
            end.record()
            end.synchronize()
            return start.elapsed_time(end)

    for _ in range(warmup):
        once()
    return [round(once(), 4) for _ in range(rounds)]


def train(o):
    torch.manual_seed(0)
    with torch.device(o.device):
        model = Llama(o)
    count = sum(p.numel() for p in model.parameters())
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    forward = torch.compile(model) if o.compile else model
    shape = (o.micro_batches, o.batch, o.seq_len + 1)
    tokens = torch.randint(o.vocab, shape, device=o.device)
    losses = []

    def step():
        loss = 0.0
        for micro in tokens:
            with torch.autocast(o.device, dtype=torch.bfloat16):
                part = forward(micro[:, :-1], micro[:, 1:]) / o.micro_batches
            part.backward()
            loss = loss + part.detach()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss)

    if o.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    step_ms = timed(o.device, step, o.warmup, o.steps)
    per_step = o.micro_batches * o.batch * o.seq_len
    per_second = 1000 * per_step / statistics.median(step_ms)
    counted = count - (0 if o.tie else o.vocab * o.d_model)
    flops = 6 * counted + 12 * o.n_layers * o.d_model * o.seq_len
    return {
        "parameters": count,
        "tokens_per_step": per_step,
        "step_ms": step_ms,
        "tokens_per_s": round(per_second, 1),
        "mfu": round(per_second * flops / o.peak, 4),
        "peak_memory_bytes": torch.cuda.max_memory_allocated() if o.device == "cuda" else None,
        "losses": [round(loss.item(), 4) for loss in losses],
    }


def parts(o):
    """Median milliseconds of single operations, with the bytes or FLOPs they must move or do."""
    like = {"device": o.device, "dtype": torch.bfloat16}
    rows, d, size = o.batch * o.seq_len, o.d_model, o.d_model // o.n_heads
    x, dy = torch.randn(rows, d, **like), torch.randn(rows, d, **like)
    weight, gain = torch.randn(o.ffn_dim, d, **like), torch.ones(d, **like, requires_grad=True)
    x_in = x.clone().requires_grad_()
    norm = lambda: F.rms_norm(x_in, (d,), gain, 1e-5)
    norm = torch.compile(norm) if o.compile else norm
    q = torch.randn(o.batch, o.n_heads, o.seq_len, size, **like).requires_grad_()
    k, v = (torch.randn(o.batch, o.n_kv_heads, o.seq_len, size, **like).requires_grad_() for _ in range(2))
    attend = lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=o.n_heads != o.n_kv_heads)
    big = torch.empty(2**28 if o.device == "cuda" else 2**20, device=o.device)
    target = torch.empty_like(big)
    y, ctx = norm(), attend()
    dctx = torch.randn_like(ctx)
    # The causal half of 4 B H T^2 d, forward; the backward pass has five such products for the forward's two.
    attention_flops = 2 * o.batch * o.n_heads * o.seq_len**2 * size
    work = {
        "copy": (lambda: target.copy_(big), {"bytes": 8 * big.numel()}),
        "gemm": (lambda: x @ weight.T, {"flops": 2 * rows * d * o.ffn_dim}),
        "rms_norm": (norm, {"bytes": 4 * rows * d}),
        "rms_norm_backward": (
            lambda: torch.autograd.grad(y, (x_in, gain), dy, retain_graph=True),
            {"bytes": 6 * rows * d},
        ),
        "attention": (attend, {"flops": attention_flops}),
        "attention_backward": (
            lambda: torch.autograd.grad(ctx, (q, k, v), dctx, retain_graph=True),
            {"flops": 5 * attention_flops // 2},
        ),
    }
    measured = {}
    for name, (body, cost) in work.items():
        ms = statistics.median(timed(o.device, body, 5, 30))
        rate = {f"{unit}_per_s": round(1000 * amount / ms) for unit, amount in cost.items()}
        measured[name] = {"ms": ms, **cost, **rate}
    return measured


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = {"d-model": 2048, "n-layers": 16, "n-heads": 16, "n-kv-heads": 0, "ffn-dim": 8192, "vocab": 50304}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seq-len", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=8, help="sequences of a micro-batch")
    parser.add_argument("--micro-batches", type=int, default=2)
    parser.add_argument("--theta", type=float, default=500000)
    parser.add_argument("--tie", type=int, default=0)
    parser.add_argument("--norm", choices=["pre", "hybrid"], default="pre")
    parser.add_argument("--steps", type=int, default=10, help="measured steps")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--compile", type=int, default=1)
    parser.add_argument("--attention", choices=["default", *BACKENDS], default="default")
    parser.add_argument("--micro", type=int, default=0, help="1: measure single operations too")
    parser.add_argument("--device", default="cuda", help="cpu only tries the script out")
    parser.add_argument("--peak", type=float, default=989e12, help="FLOP/s that MFU is a share of")
    options = parser.parse_args()
    options.n_kv_heads = options.n_kv_heads or options.n_heads
    return options


def main():
    o = read_options()
    report = {"engine": "torch", "version": torch.__version__, "options": vars(o)}
    if o.device == "cuda":
        torch.set_float32_matmul_precision("high")
        report |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    if o.attention == "default":
        report["step"] = train(o)
    else:
        with sdpa_kernel(BACKENDS[o.attention]):
            report["step"] = train(o)
    if o.micro:
        report["parts"] = parts(o)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
