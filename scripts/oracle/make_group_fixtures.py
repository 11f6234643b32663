"""Writes the fixtures of parameter groups: python scripts/oracle/make_group_fixtures.py tests/fixtures/parameter-groups

One folder per case: a config, first weights, the tokens of every step, and where PyTorch's own optimizers take the
oracle's model, each group of parameters a group of theirs. The same cases give the same bytes every time.
"""

import argparse
import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import torch
import torch.nn.functional as F

from make_fixtures import BATCH, HEAVY, Case, config_yaml, digits, experts, save
from model import Config, Weights, logits, stream
from moe import router_losses
from strategies import strategy

STEPS = 4
# Sequences of 8 tokens, two a step: hnorm's mean over 16 tokens has weights that float32 can hold.
OPTIMIZERS = {"adamw": (torch.optim.AdamW, 0.95), "adam": (torch.optim.Adam, 0.999)}


@dataclass(frozen=True)
class Training:
    """The model, and the YAML list `train.optimizer`."""

    case: Case
    groups: list
    no_decay: tuple = ("embedding",)
    lr: float = 0.02
    grad_clip: float = 0.5
    warmup_steps: int = 2


CASES = {
    # AdamW thrice: other rates, decays and moments, by role and by name; the last takes the rest.
    "adamw": Training(
        Case("pre", Config(seq_len=8)),
        [
            {"roles": ["embedding", "head"], "lr_factor": 0.3, "weight_decay": 0.5, "beta1": 0.8},
            {"params": ["blocks.*.attn.?.weight"], "lr_factor": 2, "weight_decay": 0.2, "beta2": 0.99},
            {"weight_decay": 0.1},
        ],
        no_decay=("embedding", "norm"),
    ),
    # Experts and a tied embedding, Adam beside AdamW. The router is of two groups: the first takes it.
    "experts": Training(
        experts("hybrid", model={"tie_embeddings": True, "seq_len": 8}, **HEAVY),
        [
            {"roles": ["router"], "lr_factor": 0.1},
            {"params": ["*.moe.*"], "name": "adam", "weight_decay": 0.3, "beta1": 0.7},
            {"roles": ["norm", "v"], "lr_factor": 3, "eps": 1e-4},
            {"weight_decay": 0.1, "beta2": 0.9},
        ],
        no_decay=(),
    ),
}


def role_of(name):
    """What a tensor does, from its name: `blocks.0.attn.q.weight` is a q."""
    word = name.removesuffix(".weight").split(".")[-1]
    return "norm" if word.endswith("norm") else {"embed": "embedding"}.get(word, word)


def takes(group, name):
    roles, patterns = group.get("roles", []), group.get("params", [])
    rest = not roles and not patterns
    return rest or role_of(name) in roles or any(fnmatchcase(name, pattern) for pattern in patterns)


def optimizers(training, weights):
    """One of PyTorch's for each group, in two halves: what weight decay applies to, and what it spares."""
    left = dict(weights)
    made = []
    for group in training.groups:
        kind, beta2 = OPTIMIZERS[group.get("name", "adamw")]
        own = {name: w for name, w in left.items() if takes(group, name)}
        left = {name: w for name, w in left.items() if name not in own}
        decayed = [w for name, w in own.items() if role_of(name) not in training.no_decay]
        spared = [w for name, w in own.items() if role_of(name) in training.no_decay]
        decay = group.get("weight_decay", 0)
        halves = [(decayed, decay), (spared, 0)]
        optimizer = kind(
            [{"params": params, "weight_decay": value} for params, value in halves if params],
            lr=training.lr * group.get("lr_factor", 1),
            betas=(group.get("beta1", 0.9), group.get("beta2", beta2)),
            eps=group.get("eps", 1e-8),
        )
        made.append(torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(1, (t + 1) / training.warmup_steps)))
    return made


def draw_windows(name, model):
    """[steps, B, T + 1]: T inputs and, one later, T targets."""
    source = stream(f"{name}/windows")
    shape = (STEPS, BATCH, model.seq_len + 1)
    draws = [int(model.vocab_size * source.random()) for _ in range(torch.Size(shape).numel())]
    return torch.tensor(draws).reshape(shape)


def train(name, training, windows):
    """The weights before and after, and the loss and the gradient's norm of each step."""
    case = training.case
    weights = Weights(f"groups/{name}", case.embed_std)
    logits(case.model, strategy(case.norm), weights, windows[0, :, :-1])  # brings the weights into being
    before = {key: weight.detach().clone() for key, weight in weights.items()}
    schedules = optimizers(training, weights)
    losses, norms = [], []
    for tokens in windows:
        routings = []
        scores = logits(case.model, strategy(case.norm), weights, tokens[:, :-1], routings)
        loss = F.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten())
        others = () if case.model.moe is None else router_losses(case.model.moe, routings)
        for weight in weights.values():
            weight.grad = None
        sum(others, loss).backward()
        norm = torch.nn.utils.clip_grad_norm_(weights.values(), training.grad_clip)
        for schedule in schedules:
            schedule.optimizer.step()
            schedule.step()
        losses.append(digits(loss))
        norms.append(digits(norm))
    return before, weights, {"losses": losses, "grad_norms": norms}


def train_section(training):
    return {
        "steps": STEPS,
        "batch_size": BATCH,
        "lr": training.lr,
        "schedule": {"name": "constant", "warmup_steps": training.warmup_steps},
        "grad_clip": training.grad_clip,
        "no_decay": list(training.no_decay),
        "optimizer": training.groups,
    }


def write(folder, name, training):
    windows = draw_windows(name, training.case.model)
    before, after, expected = train(name, training, windows)
    folder.mkdir(parents=True, exist_ok=True)
    config = f"{config_yaml(training.case)}train: {json.dumps(train_section(training))}\n"
    (folder / "config.yaml").write_text(config)
    (folder / "windows.json").write_text(json.dumps(windows.tolist()) + "\n")
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    save(before, folder / "weights.safetensors")
    save(after, folder / "expected.safetensors")
    return expected


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder to write the cases into")
    options = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation
    for name, training in CASES.items():
        expected = write(options.out / name, name, training)
        print(f"{name:12} losses {expected['losses']}   grad norms {expected['grad_norms']}")


if __name__ == "__main__":
    main()
