"""Modules of the pack `ttbench_networks`: at the top of a module, so that they can be pickled."""

from __future__ import annotations

import torch

WORDS = 40


class Embed(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(10, 6)

    def forward(self, ids):
        return {"hidden": self.table(ids)}


class Split(torch.nn.Module):
    def forward(self, tensor):
        return [tensor[..., :2], tensor[..., 2:]]


class First(torch.nn.Module):
    def forward(self, first, second, target):
        return torch.nn.functional.l1_loss(first, target) + 0 * second.sum()


class FirstAlone(torch.nn.Module):
    def forward(self, first, second, target):
        return torch.nn.functional.l1_loss(first, target)


class Gate(torch.nn.Module):
    """Takes everything that inputs may be, by name alone, and not in the order of the inputs."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(6, 6)

    def forward(self, *, scale, hidden, pair, mask=None, repeats=1):
        assert mask is None
        assert scale.dim() == 0
        first, others = pair
        return {"hidden": self.linear(hidden) * scale * repeats + first - others["last"]}


class Count(torch.nn.Module):
    def forward(self, ids):
        return ids.float().sum(dim=1)


class Encoder(torch.nn.Module):
    def forward(self, ids, mask=None):
        return torch.ones(ids.shape[0], 4, 8) * ids.float().sum()


class Decoder(torch.nn.Module):
    """Its token is a function of the tokens so far, which it keeps in its past."""

    def __init__(self, *, reads_state):
        super().__init__()
        self.reads_state = reads_state

    def forward(self, ids, mask, *rest):
        past = rest[-1]
        seen = (ids.float().sum() + mask.sum() + past.sum()) % WORDS
        logits = torch.nn.functional.one_hot(seen.long(), WORDS).float()
        return logits.expand(1, ids.shape[1], WORDS), past + 1
