"""Puts the oracle to the test: python scripts/oracle/make_fixtures.py --check

Its gradients against finite differences, its float64 against float32, its plain formulas against torch's own
attention and norms, strategies that are one wiring under two names against each other, and (where the package is
installed) four published models as `transformers` implements them. Nothing here is needed to write fixtures.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F

import make_fixtures
from moe import Moe, Routing, router_losses
from model import Config, Weights, logits, next_token_loss
from strategies import Strategy, strategy

DEEP = Config(n_layers=4)
TOKENS = make_fixtures.draw_tokens("check", DEEP)


def loss(config, wiring, weights, tokens=TOKENS):
    return next_token_loss(logits(config, wiring, weights, tokens), tokens)


def relative(a, b):
    """The error's norm over that of b, or alone where b is all zeros (an expert without tokens)."""
    return ((a.double() - b).norm() / (b.norm() or 1)).item()


# Each check yields (what, error, allowed) -----------------------------------------------------------------------


def gradients(cases, step=1e-6):
    """Along a random direction in every tensor, the gradient must be the slope of the loss."""
    for name, case in cases.items():
        result = make_fixtures.solve(name, case)
        worst = 0
        for key, gradient in result.gradients().items():
            weight = result.weights[key]
            direction = torch.randn(weight.shape, dtype=weight.dtype, generator=torch.Generator().manual_seed(1))
            ends = []
            for sign in (1, -1):
                moved = Weights(name, case.embed_std)
                moved.update(result.weights)
                moved[key] = weight + sign * step * direction
                ends.append(make_fixtures.look(case, moved, result.tokens).total.item())
            slope = (ends[0] - ends[1]) / (2 * step)
            error = abs(slope - (gradient * direction).sum().item())
            worst = max(worst, error / (gradient.norm().item() or 1))
        yield name, worst, 5e-6


def causality(cases):
    """What comes after a token must not change its scores."""
    for name, case in cases.items():
        result = make_fixtures.solve(name, case)
        changed = result.tokens.clone()
        changed[:, 5:] = (changed[:, 5:] + 1) % case.model.vocab_size
        scores = logits(case.model, strategy(case.norm), result.weights, changed)
        yield name, relative(scores[:, :5], result.logits[:, :5]), 1e-14


def single_precision(cases):
    """The same sums in float32 must come close, tensor by tensor: a fixture asks nothing that float32 cannot do."""
    for name, case in cases.items():
        result = make_fixtures.solve(name, case)
        single = Weights(name)
        single.update({key: weight.detach().float().requires_grad_() for key, weight in result.weights.items()})
        wrong = make_fixtures.look(case, single, result.tokens).gradients()
        yield name, max(relative(wrong[key], exact) for key, exact in result.gradients().items()), 2e-5


def torch_pre(config, w, tokens):
    """Pre-Norm from torch's own parts; RoPE as a rotation of complex numbers."""

    def norm(x, gain):
        kind = {"rmsnorm": F.rms_norm, "layernorm": F.layer_norm}[config.norm_type]
        return kind(x, gain.shape, gain, eps=config.norm_eps)

    def heads(x, weight):
        return F.linear(x, weight).unflatten(-1, (-1, config.head_dim)).transpose(1, 2)

    def rotate(x):
        half = config.head_dim // 2
        pairs = torch.complex(x[..., :half], x[..., half:])
        angle = torch.arange(x.shape[-2])[:, None] * config.rope_theta ** (-torch.arange(half).double() / half)
        turned = pairs * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([turned.real, turned.imag], dim=-1)

    x = F.embedding(tokens, w["embed.weight"])
    for i in range(config.n_layers):
        p = {key.removeprefix(f"blocks.{i}.").removesuffix(".weight"): value for key, value in w.items()}
        n = norm(x, p["attn_norm"])
        q, k, v = rotate(heads(n, p["attn.q"])), rotate(heads(n, p["attn.k"])), heads(n, p["attn.v"])
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + F.linear(mixed.transpose(1, 2).flatten(2), p["attn.o"])
        n = norm(x, p["ffn_norm"])
        x = x + F.linear(F.silu(F.linear(n, p["ffn.gate"])) * F.linear(n, p["ffn.up"]), p["ffn.down"])
    return F.linear(norm(x, w["final_norm.weight"]), w["head.weight"])


def torch_parts(_cases):
    """Pre-Norm must be what torch's own attention and norms make of it."""
    variants = {
        "grouped heads": DEEP,
        "one key/value head": replace(DEEP, n_kv_heads=1),
        "heads of size 8": replace(DEEP, n_heads=2, rope_theta=500000),
        "LayerNorm": replace(DEEP, norm_type="layernorm"),
    }
    for name, config in variants.items():
        weights = Weights("check")
        ours = logits(config, strategy("pre"), weights, TOKENS)
        yield name, relative(ours, torch_pre(config, weights, TOKENS)), 1e-13


def synonyms(_cases):
    """One wiring under two names gives one loss."""

    def grid(attn, inner, ffn):
        return {"name": "placement", "attn": attn, "inner": inner, "ffn": ffn}

    pairs = [
        (4, "pre", grid("pre", "", "pre")),
        (4, "hybrid", grid("none", "qkv", "post")),
        (4, "qk-norm", grid("pre", "qk", "pre")),
        (4, "post-shifted", grid("post", "", "post")),
        (1, "hybrid-star", grid("pre", "qkv", "pre")),
        (1, "first-qkv-pre", grid("none", "qkv", "pre")),
        (1, "lns", "pre"),
        (4, "pre", {"name": "mix-ln", "post_layers": 0}),
        (4, "post", {"name": "mix-ln", "post_layers": 4}),
        (4, {"name": "mix-ln", "alpha": 0.25}, {"name": "mix-ln", "post_layers": 1}),
    ]
    for layers, a, b in pairs:
        config = replace(DEEP, n_layers=layers)
        weights = Weights("check")
        yield f"{a} is {b}", relative(loss(config, strategy(a), weights), loss(config, strategy(b), weights)), 0


# Modules of this repository's models outside the blocks, and as `transformers` names them.
OUTSIDE = {"embed": "model.embed_tokens", "final_norm": "model.norm", "head": "lm_head"}


def their_config(model, config, **more):
    """The configuration class of `transformers` for a model, filled in; its attention in plain operations."""
    return model(
        hidden_size=config.d_model,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        num_key_value_heads=config.n_kv_heads,
        intermediate_size=config.ffn_dim,
        vocab_size=config.vocab_size,
        rms_norm_eps=config.norm_eps,
        rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        tie_word_embeddings=False,
        pad_token_id=None,
        eos_token_id=None,
        attn_implementation="eager",
        **more,
    )


def published(_cases):
    """Pre-Norm is Llama, qk-norm is Qwen3, and output-norm with full-width QK-norm is OLMo-2."""
    try:
        import transformers
    except ImportError:
        print("skipped  transformers is not installed: no comparison with published models")
        return

    def olmo2(b, x):
        y = x + b.norm("attn_out_norm", b.attn(x, full_width="qk"))
        return y + b.norm("ffn_out_norm", b.ffn(y))

    ours_then_theirs = {
        "attn.q_norm": "self_attn.q_norm",
        "attn.k_norm": "self_attn.k_norm",
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attn_out_norm": "post_attention_layernorm",
        "ffn_out_norm": "post_feedforward_layernorm",
        **{f"attn.{letter}": f"self_attn.{letter}_proj" for letter in "qkvo"},
        **{f"ffn.{name}": f"mlp.{name}_proj" for name in ("gate", "up", "down")},
    }

    def their_name(name):
        stem = name.removesuffix(".weight")
        if stem in OUTSIDE:
            return f"{OUTSIDE[stem]}.weight"
        _, index, part = stem.split(".", 2)
        return f"model.layers.{index}.{ours_then_theirs[part]}.weight"

    for name, wiring in {"Llama": strategy("pre"), "Qwen3": strategy("qk-norm"), "Olmo2": Strategy(olmo2)}.items():
        weights = Weights("check")
        ours = logits(DEEP, wiring, weights, TOKENS)
        config = their_config(getattr(transformers, f"{name}Config"), DEEP, head_dim=DEEP.head_dim)
        theirs = getattr(transformers, f"{name}ForCausalLM")(config).double()
        theirs.load_state_dict({their_name(key): value.detach() for key, value in weights.items()})
        # Their norms and rotary tables are float32 inside.
        yield name, relative(theirs(TOKENS).logits, ours), 1e-5


def olmoe(_cases):
    """Full-width QK-norm Pre-Norm with experts is OLMoE; and its `pooled` balance loss is Hugging Face's."""
    try:
        from transformers import OlmoeConfig, OlmoeForCausalLM
        from transformers.models.olmoe.modeling_olmoe import load_balancing_loss_func
    except ImportError:
        print("skipped  transformers is not installed: no comparison with OLMoE")
        return
    names = {
        "attn.q_norm": "self_attn.q_norm",
        "attn.k_norm": "self_attn.k_norm",
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "moe.router": "mlp.gate",
        **{f"attn.{letter}": f"self_attn.{letter}_proj" for letter in "qkvo"},
    }
    for renormalize in (False, True):
        moe = Moe(n_experts=8, top_k=3, renormalize=renormalize, loss_normalization="pooled", z_loss=0)
        config = replace(DEEP, n_layers=1 if renormalize else 3, moe=moe)
        weights = Weights("check")
        case = make_fixtures.Case("qk-norm-full", config)
        ours = make_fixtures.look(case, weights, TOKENS)
        theirs = OlmoeForCausalLM(
            their_config(
                OlmoeConfig,
                config,
                num_experts=moe.n_experts,
                num_experts_per_tok=moe.top_k,
                norm_topk_prob=renormalize,
                experts_implementation="eager",
            )
        ).double()
        state = {}
        for key, value in weights.items():
            stem = key.removesuffix(".weight")
            if stem in OUTSIDE:
                state[f"{OUTSIDE[stem]}.weight"] = value
            elif ".experts." not in stem:
                _, index, part = stem.split(".", 2)
                state[f"model.layers.{index}.{names[part]}.weight"] = value
        for i in range(config.n_layers):
            expert = lambda e, part: weights[f"blocks.{i}.moe.experts.{e}.{part}.weight"]
            both = [torch.cat([expert(e, "gate"), expert(e, "up")]) for e in range(moe.n_experts)]
            state[f"model.layers.{i}.mlp.experts.gate_up_proj"] = torch.stack(both)
            down = [expert(e, "down") for e in range(moe.n_experts)]
            state[f"model.layers.{i}.mlp.experts.down_proj"] = torch.stack(down)
        theirs.load_state_dict({key: value.detach() for key, value in state.items()})
        found = theirs(TOKENS, output_router_logits=True)
        yield f"renormalize {renormalize}", relative(found.logits, ours.logits), 1e-5
        balance = load_balancing_loss_func(found.router_logits, moe.n_experts, moe.top_k)
        yield "balance loss", relative(moe.balance_loss * balance, ours.router_losses[0]), 1e-5


def router_at_rest(_cases):
    """A router of zeros: every probability is 1/E, so balance costs its coefficient (times k as usual), z log(E)^2."""
    for normalization, balance_k, z_k in (("olmoe", 1, 1 / 3), ("usual", 3, 1), ("pooled", 3, 1)):
        moe = Moe(n_experts=8, top_k=3, loss_normalization=normalization)
        p = torch.full((10, 8), 1 / 8, dtype=torch.float64)
        chosen = torch.zeros_like(p)
        chosen[:, :3] = 1
        balance, z = router_losses(moe, [Routing(torch.zeros_like(p), p, chosen)] * 2)
        yield f"{normalization}, balance", abs(balance.item() - 0.01 * balance_k), 1e-15
        yield f"{normalization}, z", abs(z.item() - 0.001 * z_k * torch.tensor(8.0).double().log().item() ** 2), 1e-15


CHECKS = {
    "gradients are finite differences": gradients,
    "float32 comes close to float64": single_precision,
    "the future stays hidden": causality,
    "torch's own attention and norms agree": torch_parts,
    "one wiring under two names": synonyms,
    "published models agree": published,
    "OLMoE agrees": olmoe,
    "routers at rest": router_at_rest,
}


def check(cases):
    """Prints one line for each check and one for each failure; 1 if anything is off, else 0."""
    failures = 0
    for title, test in CHECKS.items():
        found = list(test(cases))
        for what, error, allowed in found:
            if not error <= allowed:
                failures += 1
                print(f"WRONG    {title}, {what}: error {error:.1e}, allowed {allowed:.0e}")
        if found:
            what, error, allowed = max(found, key=lambda row: row[1])
            print(f"checked  {title}: {len(found)} comparisons, worst {error:.1e} ({what}), allowed {allowed:.0e}")
    print("all good" if failures == 0 else f"{failures} wrong")
    return 1 if failures else 0
