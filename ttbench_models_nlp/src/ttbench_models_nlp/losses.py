"""Losses of the pack; imported by builders only, because they are torch modules."""

from __future__ import annotations

import torch

__all__ = ["FirstOutputL1Loss"]


class FirstOutputL1Loss(torch.nn.Module):
    """Mean absolute difference of a model's first output and the target.

    The target is the last argument: a model may have more outputs, and they
    take no part.
    """

    def forward(self, output: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        """Compare; both of one shape; gives a scalar."""
        return torch.nn.functional.l1_loss(output, rest[-1])
