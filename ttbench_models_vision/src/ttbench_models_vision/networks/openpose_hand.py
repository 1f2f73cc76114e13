"""The hand network of OpenPose (Simon et al., 2017, arXiv:1704.07809).

A convolutional pose machine (Wei et al., 2016, arXiv:1602.00134) over the first layers of VGG-19:
six stages, each of which sees what the one before it believed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
from torch import nn

__all__ = ["OpenPoseHand"]

#: Points of a hand, and the background.
MAPS: Final = 22
#: VGG-19's convolutions between its first three poolings, then those before the first stage.
_VGG: Final = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256, 256))
_FEATURES: Final = (256, 512, 512, 512, 512, 512, 512, 128)
_LATER_STAGES: Final = 5
_WIDE_CONVOLUTIONS: Final = 5


class OpenPoseHand(nn.Module):
    """Finds the points of a hand in images (samples, 3, rows, columns).

    Gives the last stage's belief maps (samples, 22, rows / 8, columns / 8).
    """

    def __init__(self) -> None:
        super().__init__()
        levels = [layer for channels in _VGG for layer in (*_row(channels, 3), nn.MaxPool2d(2))]
        self.features = nn.Sequential(*levels, *_row(_FEATURES, 3))
        depth = _FEATURES[-1]
        self.first = nn.Sequential(*_row((depth, 512), 1), nn.Conv2d(512, MAPS, 1))
        wide = (MAPS + depth, *(depth,) * _WIDE_CONVOLUTIONS)
        self.later = nn.ModuleList(
            nn.Sequential(*_row(wide, 7), *_row((depth, depth), 1), nn.Conv2d(depth, MAPS, 1))
            for _ in range(_LATER_STAGES)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Find the points."""
        features = self.features(images)
        beliefs: torch.Tensor = self.first(features)
        for stage in self.later:
            beliefs = stage(torch.cat((beliefs, features), dim=1))
        return beliefs


def _row(channels: tuple[int, ...], kernel: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
    return layers
