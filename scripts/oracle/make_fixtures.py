"""Writes the parity fixtures: python scripts/oracle/make_fixtures.py tests/fixtures/parity

One folder per case: a config, weights, tokens, and what the oracle makes of them. The same cases give the same
bytes every time. With --check it writes nothing and puts the oracle itself to the test (check.py) instead.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file

from moe import Moe, router_losses
from model import Config, Weights, logits, next_token_loss, stream
from strategies import strategy

BATCH = 2


@dataclass(frozen=True)
class Case:
    """A YAML `norm:` value and a model to put it in."""

    norm: str | dict
    model: Config = field(default_factory=Config)
    embed_std: float = 0.3


HEAVY = {"balance_loss": 0.5, "z_loss": 0.25}


def placement(attn, inner, ffn, **model):
    return Case({"name": "placement", "attn": attn, "inner": inner, "ffn": ffn}, Config(**model))


def mix_ln(**parameters):
    return Case({"name": "mix-ln", **parameters}, Config(n_layers=4))


def experts(norm, layers=2, embed_std=0.3, model=None, **options):
    """A model just large enough for four experts of which every token takes some."""
    small = {"d_model": 8, "n_heads": 2, "n_kv_heads": 2, "ffn_dim": 6, "vocab_size": 13, "seq_len": 7}
    return Case(norm, Config(n_layers=layers, moe=Moe(**options), **{**small, **(model or {})}), embed_std)


CASES = {
    # Every strategy, with four layers where layers differ. rope_theta and norm_eps take their common values in turn.
    "pre": Case("pre", Config(n_layers=3)),
    "post": Case("post", Config(n_layers=3, norm_eps=1e-6)),
    "post-shifted": Case("post-shifted"),
    "mix-ln-alpha": mix_ln(alpha=0.25),
    "mix-ln-alpha-floor": mix_ln(alpha=0.45),  # 0.45 * 4 = 1.8: one Post layer, not two
    "mix-ln-post-layers": mix_ln(post_layers=2),
    "hybrid": Case("hybrid", Config(n_layers=3, rope_theta=500000)),
    "hybrid-star": Case("hybrid-star", Config(n_layers=4)),
    "first-qkv-pre": Case("first-qkv-pre", Config(n_layers=4)),
    "embed-norm": Case("embed-norm"),
    "deepnorm": Case("deepnorm", Config(n_layers=4)),
    "deepnorm-alpha": Case({"name": "deepnorm", "alpha": 2.75}),
    "sandwich": Case("sandwich", Config(n_layers=3, norm_eps=1e-6)),
    "peri": Case("peri"),
    "output-norm": Case("output-norm", Config(norm_eps=1e-6)),
    "qk-norm": Case("qk-norm"),
    "qk-norm-full": Case("qk-norm-full", Config(rope_theta=500000)),
    "lns": Case("lns", Config(n_layers=4)),
    # The placement grid of HybridNorm's appendix G. Some rows are strategies above by another name.
    "placement-none-qkvc-post": placement("none", "qkvc", "post"),
    "placement-none-qkc-post": placement("none", "qkc", "post"),
    "placement-none-kv-post": placement("none", "kv", "post"),
    "placement-none-kc-post": placement("none", "kc", "post"),
    "placement-none-qkv-pre": placement("none", "qkv", "pre"),
    "placement-none-qkv-post": placement("none", "qkv", "post"),
    "placement-pre-none-post": placement("pre", "", "post"),
    "placement-pre-qkv-post": placement("pre", "qkv", "post"),
    "placement-pre-qk-pre": placement("pre", "qk", "pre"),
    "placement-post-none-pre": placement("post", "", "pre"),
    "placement-post-none-post": placement("post", "", "post"),
    # The other numbers of a model.
    "pre-layernorm": Case("pre", Config(norm_type="layernorm")),
    "hybrid-layernorm": Case("hybrid", Config(norm_type="layernorm", norm_eps=1e-6)),
    "peri-layernorm": Case("peri", Config(norm_type="layernorm", tie_embeddings=True)),
    "pre-tied": Case("pre", Config(tie_embeddings=True, norm_eps=1e-6)),
    "post-tied": Case("post", Config(tie_embeddings=True)),
    "hybrid-star-tied": Case("hybrid-star", Config(tie_embeddings=True)),
    "pre-mha": Case("pre", Config(n_heads=2, n_kv_heads=2)),  # heads of size 8: four rotary frequencies
    "hybrid-mha": Case("hybrid", Config(n_heads=2, n_kv_heads=2, rope_theta=500000)),
    "hybrid-mqa": Case("hybrid", Config(n_kv_heads=1)),
    "qk-norm-full-mqa": Case("qk-norm-full", Config(n_heads=2, n_kv_heads=1)),
    # Embeddings so small that the first norms of queries, keys and values feel eps.
    "hybrid-small-embed": Case("hybrid", embed_std=0.01),
    # Norms inside the feed-forward, learned factors, two streams.
    "sub-ln": Case("sub-ln", Config(n_layers=3)),
    "layer-scale": Case("layer-scale", Config(n_layers=3)),
    "layer-scale-branch": Case({"name": "layer-scale", "per": "branch"}),
    "resi-dual": Case("resi-dual", Config(n_layers=3)),
    "prores": Case("prores"),
    # Every norm function, where norms stand inside a sub-layer, before and after it, and at the ends.
    "peri-zero-centered": Case("peri", Config(norm_type="rmsnorm-zero-centered")),
    "hybrid-star-zero-centered": Case("hybrid-star", Config(norm_type="rmsnorm-zero-centered")),
    "hybrid-gain-free": Case("hybrid", Config(norm_type="rmsnorm-gain-free", tie_embeddings=True)),
    "resi-dual-gain-free": Case("resi-dual", Config(norm_type="rmsnorm-gain-free")),
    "pre-dyt": Case("pre", Config(norm_type={"name": "dyt"})),
    "sub-ln-dyt": Case("sub-ln", Config(norm_type={"name": "dyt", "bias": True, "embed_scale": False})),
    # A mixture of experts within every strategy; moe-qk-norm-full is OLMoE. The losses of routers weigh more than they
    # should, so that their gradients show.
    "moe-pre": experts("pre", **HEAVY),
    "moe-post": experts("post", **HEAVY),
    "moe-post-shifted": experts("post-shifted", **HEAVY),
    "moe-mix-ln": experts({"name": "mix-ln", "alpha": 0.5}, **HEAVY),
    "moe-hybrid": experts("hybrid", **HEAVY),
    "moe-hybrid-star": experts("hybrid-star", **HEAVY),
    "moe-first-qkv-pre": experts("first-qkv-pre", **HEAVY),
    "moe-embed-norm": experts("embed-norm", **HEAVY),
    "moe-deepnorm": experts("deepnorm", **HEAVY),
    "moe-sandwich": experts("sandwich", **HEAVY),
    "moe-peri": experts("peri", **HEAVY),
    "moe-output-norm": experts("output-norm", **HEAVY),
    "moe-qk-norm": experts("qk-norm", **HEAVY),
    "moe-qk-norm-full": experts("qk-norm-full", **HEAVY),
    "moe-lns": experts("lns", **HEAVY),
    "moe-sub-ln": experts("sub-ln", **HEAVY),
    "moe-sub-ln-shared": experts("sub-ln", shared_expert=10, **HEAVY),
    "moe-layer-scale": experts("layer-scale", **HEAVY),
    "moe-prores": experts("prores", **HEAVY),
    "moe-resi-dual": experts("resi-dual", **HEAVY),
    "moe-dyt": experts("pre", model={"norm_type": {"name": "dyt", "bias": True}}, **HEAVY),
    "moe-placement": experts({"name": "placement", "attn": "post", "inner": "qkvc", "ffn": "post"}, **HEAVY),
    # Its options.
    "moe-defaults": experts("qk-norm-full", layers=3),
    "moe-usual": experts("pre", loss_normalization="usual", **HEAVY),
    "moe-pooled": experts("pre", layers=3, loss_normalization="pooled", **HEAVY),
    "moe-renormalize": experts("pre", renormalize=True, **HEAVY),
    "moe-shared": experts("hybrid-star", shared_expert=10, **HEAVY),
    "moe-one-each": experts("hybrid", top_k=1, **HEAVY),
    "moe-all": experts("pre", top_k=4, **HEAVY),
    "moe-one-expert": experts("pre", n_experts=1, top_k=1, **HEAVY),
    "moe-many": experts("qk-norm-full", layers=1, n_experts=16, top_k=3, renormalize=True, shared_expert=2, **HEAVY),
    "moe-layernorm-tied": experts("peri", model={"norm_type": "layernorm", "tie_embeddings": True}, **HEAVY),
    "moe-no-losses": experts("hybrid-star", balance_loss=0.0, z_loss=0.0),
}


# One case ------------------------------------------------------------------------------------------------------


def draw_tokens(name, model):
    source = stream(f"{name}/tokens")
    draws = [int(model.vocab_size * source.random()) for _ in range(BATCH * model.seq_len)]
    return torch.tensor(draws).reshape(BATCH, model.seq_len)


@dataclass
class Result:
    weights: Weights
    tokens: torch.Tensor
    logits: torch.Tensor
    loss: torch.Tensor
    router_losses: tuple = ()

    @property
    def total(self):
        return sum(self.router_losses, self.loss)

    def gradients(self):
        found = torch.autograd.grad(self.total, list(self.weights.values()), allow_unused=True)
        return {name: torch.zeros_like(w) if g is None else g for (name, w), g in zip(self.weights.items(), found)}


def solve(name, case):
    weights = Weights(name, case.embed_std)
    tokens = draw_tokens(name, case.model)
    return look(case, weights, tokens)


def look(case, weights, tokens):
    """What the model makes of these tokens with these weights."""
    routings = []
    scores = logits(case.model, strategy(case.norm), weights, tokens, routings)
    losses = () if case.model.moe is None else router_losses(case.model.moe, routings)
    return Result(weights, tokens, scores, next_token_loss(scores, tokens), losses)


# Files ---------------------------------------------------------------------------------------------------------


def yaml(value):
    """A value on one line: the few kinds of YAML these configs need."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key}: {yaml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0")
    return value if isinstance(value, str) and value else json.dumps(value)


def config_yaml(case):
    model = asdict(case.model)
    if case.model.moe is None:
        del model["moe"]
    else:
        model["moe"] = {key: value for key, value in model["moe"].items() if value is not None}
    if case.model.norm_type == "rmsnorm":
        del model["norm_type"]  # the default
    lines = ["engine: reference", f"norm: {yaml(case.norm)}", "model:"]
    return "\n".join(lines + [f"  {key}: {yaml(value)}" for key, value in model.items()]) + "\n"


def digits(x):
    """13 significant digits: more than any comparison needs, fewer than change between machines."""
    return float(f"{x.item():.13g}")


def save(tensors, path):
    save_file({name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}, path)


def write(folder, name, case):
    result = solve(name, case)
    gradients = result.gradients()
    grad_norm = torch.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    expected = {"loss": digits(result.loss), "grad_norm": digits(grad_norm)}
    if result.router_losses:
        balance, z = result.router_losses
        expected |= {"balance_loss": digits(balance), "z_loss": digits(z)}

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config_yaml(case))
    (folder / "tokens.json").write_text(json.dumps(result.tokens.tolist()) + "\n")
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    save(result.weights, folder / "weights.safetensors")
    save({**gradients, "logits": result.logits}, folder / "expected.safetensors")
    return expected


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", help="the folder to write the cases into")
    parser.add_argument("--check", action="store_true", help="test the oracle itself; writes nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation

    if options.check:
        from check import check

        sys.exit(check(CASES))
    if options.out is None:
        parser.error("say where to write: make_fixtures.py tests/fixtures/parity")
    for name, case in CASES.items():
        expected = write(options.out / name, name, case)
        print(f"{name:28} loss {expected['loss']:.6f}   grad norm {expected['grad_norm']:.6f}")
    size = sum(file.stat().st_size for file in options.out.rglob("*") if file.is_file())
    print(f"{len(CASES)} cases, {size} bytes")


if __name__ == "__main__":
    main()
