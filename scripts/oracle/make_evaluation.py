"""Writes the evaluation fixture: python scripts/oracle/make_evaluation.py tests/fixtures/evaluation

A model of make_fixtures.py, windows of tokens, and what PyTorch makes of them token by token: nats, whether the target is
the argmax, and the numbers of the protocol next-token-accuracy.
"""

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

from make_fixtures import Case, config_yaml, digits, save
from model import Config, Weights, logits, stream
from strategies import strategy

NAME = "evaluation"
CASE = Case("hybrid", Config(n_layers=3))
WINDOWS = 4
MIN_CONTEXT = (1, 5)


def scores_of(weights, tokens):
    return logits(CASE.model, strategy(CASE.norm), weights, tokens)


def draw_windows(weights):
    """Windows of T + 1 ids; about half of them are what the model holds likeliest, so that accuracy is no extreme."""
    source = stream(f"{NAME}/tokens")
    pick = lambda: int(CASE.model.vocab_size * source.random())
    windows = []
    for _ in range(WINDOWS):
        window = [pick()]
        while len(window) < CASE.model.seq_len + 1:
            likeliest = scores_of(weights, torch.tensor([window]))[0, -1].argmax().item()
            window.append(likeliest if source.random() < 0.5 else pick())
        windows.append(window)
    return torch.tensor(windows)


def bytes_of(ids):
    """Made-up lengths of the ids' texts."""
    return 1 + ids % 3


def protocol(losses, correct, targets, min_context):
    counted = torch.zeros_like(losses)
    counted[:, min_context - 1 :] = 1
    nats = (losses * counted).sum()
    loss = nats / counted.sum()
    return {
        "loss": digits(loss),
        "ppl": digits(loss.exp()),
        "bits_per_byte": digits(nats / math.log(2) / (bytes_of(targets) * counted).sum()),
        "accuracy": digits((correct * counted).sum() / counted.sum()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder to write into")
    out = parser.parse_args().out
    torch.set_num_threads(1)  # one order of summation

    weights = Weights(NAME, CASE.embed_std)
    windows = draw_windows(weights)
    inputs, targets = windows[:, :-1], windows[:, 1:]
    scores = scores_of(weights, inputs)
    losses = F.cross_entropy(scores.transpose(1, 2), targets, reduction="none").detach()
    correct = (scores.argmax(-1) == targets).double()
    expected = {
        "losses": [[digits(loss) for loss in row] for row in losses],
        "correct": correct.int().tolist(),
        "protocols": {k: protocol(losses, correct, targets, k) for k in MIN_CONTEXT},
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.yaml").write_text(config_yaml(CASE))
    (out / "windows.json").write_text(json.dumps(windows.tolist()) + "\n")
    (out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    save(weights, out / "weights.safetensors")
    print(json.dumps(expected["protocols"], indent=1))


if __name__ == "__main__":
    main()
