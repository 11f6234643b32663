"""Writes what activations are: python scripts/oracle/activations.py tests/fixtures/activations.json

Of some of the parity cases (make_fixtures.py), on their weights and tokens: the root mean square of the residual stream
and of what attention and the feed-forward give, and of the gradient of all losses with respect to each. Names are hnorm's
(src/model/taps.ts): `embed`, then for block l `l.attn`, `l.ffn`, `l.block`.
"""

import json
import sys
from pathlib import Path

import torch

import model
from make_fixtures import CASES, digits, draw_tokens, strategy
from model import Block, Weights, next_token_loss
from moe import router_losses

CASES_SHOWN = ["pre", "post", "deepnorm", "peri", "hybrid-star", "hybrid-layernorm", "output-norm", "moe-hybrid-star"]


class WatchedBlock(Block):
    """A block that remembers what its attention and its feed-forward gave."""

    seen = {}

    def attn(self, x, **norms):
        return self._remember("attn", super().attn(x, **norms))

    def ffn(self, x, **norms):
        return self._remember("ffn", super().ffn(x, **norms))

    def _remember(self, name, y):
        self.seen[f"{self.index}.{name}"] = y
        return y


def activations(name):
    """Site -> value, and the sum of all losses."""
    case = CASES[name]
    config, wiring, weights = case.model, strategy(case.norm), Weights(name, case.embed_std)
    tokens = draw_tokens(name, config)
    seen, routings = {}, []
    WatchedBlock.seen = seen

    class Watched:
        """The strategy, which sees watched blocks and whose own inputs and outputs are remembered."""

        embed = staticmethod(wiring.embed)
        final = staticmethod(wiring.final)

        @staticmethod
        def block(b, x):
            if b.index == 0:
                seen["embed"] = x
            y = wiring.block(WatchedBlock(b.config, b.weights, b.index, b.routings), x)
            seen[f"{b.index}.block"] = y
            return y

    scores = model.logits(config, Watched, weights, tokens, routings)
    losses = () if config.moe is None else router_losses(config.moe, routings)
    return seen, sum(losses, next_token_loss(scores, tokens))


def rms(x):
    return digits(torch.sqrt((x * x).mean()))


def facts(name):
    seen, loss = activations(name)
    gradients = torch.autograd.grad(loss, list(seen.values()))
    return {
        "rms": {site: rms(value) for site, value in seen.items()},
        "gradient": {site: rms(gradient) for site, gradient in zip(seen, gradients)},
    }


if __name__ == "__main__":
    torch.set_num_threads(1)  # one order of summation
    Path(sys.argv[1]).write_text(json.dumps({name: facts(name) for name in CASES_SHOWN}, indent=1) + "\n")
