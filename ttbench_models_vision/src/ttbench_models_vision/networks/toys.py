"""The smallest things that can be benchmarked: what a card and its compiler cost by themselves."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["BigConv", "SimpleAdd"]


class SimpleAdd(nn.Module):
    """Adds two tensors of one shape."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Add."""
        return first + second


class BigConv(nn.Module):
    """The first convolution of a ResNet: images (samples, 3, rows, columns) to 64 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Convolve; gives half of the rows and columns."""
        filtered: torch.Tensor = self.conv(images)
        return filtered
