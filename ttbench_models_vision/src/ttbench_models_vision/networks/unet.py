"""U-Net (Ronneberger et al., 2015, arXiv:1505.04597), with batch normalisation.

As it segments brain images (Buda et al., 2019, arXiv:1906.03720): three channels in, one
probability a pixel out, 32 channels on the first level.
"""

from __future__ import annotations

import torch
from torch import nn

from ttbench_models_vision.networks.blocks import conv

__all__ = ["UNet"]

_LEVELS = 4


class UNet(nn.Module):
    """Segments images (samples, inputs, rows, columns), both multiples of 16.

    Gives probabilities (samples, outputs, rows, columns).

    Args:
        inputs: channels of the images.
        outputs: channels of the result.
        features: channels of the first level; each level has twice those of the one above.
    """

    def __init__(self, inputs: int = 3, outputs: int = 1, features: int = 32) -> None:
        super().__init__()
        widths = [features * 2**level for level in range(_LEVELS + 1)]
        above = [inputs, *widths[:-2]]
        self.down = nn.ModuleList(_twice(a, w) for a, w in zip(above, widths[:-1], strict=True))
        self.pool = nn.MaxPool2d(2)
        self.bottom = _twice(widths[-2], widths[-1])
        rising = widths[-2::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in rising)
        self.merge = nn.ModuleList(_twice(2 * w, w) for w in rising)
        self.last = nn.Conv2d(features, outputs, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Segment."""
        current, kept = images, []
        for level in self.down:
            current = level(current)
            kept.append(current)
            current = self.pool(current)
        current = self.bottom(current)
        for up, merge in zip(self.up, self.merge, strict=True):
            current = merge(torch.cat((up(current), kept.pop()), dim=1))
        return torch.sigmoid(self.last(current))


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs), conv(outputs, outputs))
