"""MobileNetV3 (Howard et al., 2019, arXiv:1905.02244): tables 1 and 2 of the paper."""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

import torch
from torch import nn

from ttbench_models_vision.networks.blocks import Activation, conv, relu, rounded

__all__ = ["MobileNetV3"]

_HARD_SWISH: Final[Activation] = partial(nn.Hardswish, inplace=True)
_STEM = 16


class _Row(NamedTuple):
    """A row of the tables: kernel, expanded and output channels, SE, activation, stride."""

    kernel: int
    expanded: int
    outputs: int
    squeezes: bool
    activation: Activation
    stride: int


_RE, _HS = relu, _HARD_SWISH
_ROWS: Final[dict[str, tuple[_Row, ...]]] = {
    "small": (
        _Row(3, 16, 16, True, _RE, 2),
        _Row(3, 72, 24, False, _RE, 2),
        _Row(3, 88, 24, False, _RE, 1),
        _Row(5, 96, 40, True, _HS, 2),
        _Row(5, 240, 40, True, _HS, 1),
        _Row(5, 240, 40, True, _HS, 1),
        _Row(5, 120, 48, True, _HS, 1),
        _Row(5, 144, 48, True, _HS, 1),
        _Row(5, 288, 96, True, _HS, 2),
        _Row(5, 576, 96, True, _HS, 1),
        _Row(5, 576, 96, True, _HS, 1),
    ),
    "large": (
        _Row(3, 16, 16, False, _RE, 1),
        _Row(3, 64, 24, False, _RE, 2),
        _Row(3, 72, 24, False, _RE, 1),
        _Row(5, 72, 40, True, _RE, 2),
        _Row(5, 120, 40, True, _RE, 1),
        _Row(5, 120, 40, True, _RE, 1),
        _Row(3, 240, 80, False, _HS, 2),
        _Row(3, 200, 80, False, _HS, 1),
        _Row(3, 184, 80, False, _HS, 1),
        _Row(3, 184, 80, False, _HS, 1),
        _Row(3, 480, 112, True, _HS, 1),
        _Row(3, 672, 112, True, _HS, 1),
        _Row(5, 672, 160, True, _HS, 2),
        _Row(5, 960, 160, True, _HS, 1),
        _Row(5, 960, 160, True, _HS, 1),
    ),
}
#: Channels of the last convolution and of the layer before the classifier.
_HEADS: Final = {"small": (576, 1024), "large": (960, 1280)}


class MobileNetV3(nn.Module):
    """A classifier of images (samples, 3, rows, columns); gives logits (samples, classes).

    Args:
        size: `small` or `large`.
        classes: how many there are.
    """

    def __init__(self, size: str, classes: int) -> None:
        super().__init__()
        channels = (_STEM, *(row.outputs for row in _ROWS[size]))
        last, hidden = _HEADS[size]
        self.features = nn.Sequential(
            conv(3, _STEM, stride=2, activation=_HARD_SWISH),
            *(_Bottleneck(inputs, row) for inputs, row in zip(channels, _ROWS[size], strict=False)),
            conv(channels[-1], last, kernel=1, activation=_HARD_SWISH),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(last, hidden), _HARD_SWISH(), nn.Linear(hidden, classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Classify."""
        logits: torch.Tensor = self.head(self.pool(self.features(images)))
        return logits


class _Bottleneck(nn.Module):
    """Expand, filter each channel, weigh the channels, project; with a shortcut where it fits."""

    def __init__(self, inputs: int, row: _Row) -> None:
        super().__init__()
        wide = row.expanded
        expand = [conv(inputs, wide, 1, activation=row.activation)] if wide != inputs else []
        self.body = nn.Sequential(
            *expand,
            conv(wide, wide, row.kernel, stride=row.stride, groups=wide, activation=row.activation),
            *([_SqueezeExcite(wide)] if row.squeezes else []),
            conv(wide, row.outputs, 1, activation=None),
        )
        self.has_shortcut = row.stride == 1 and inputs == row.outputs

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.body(features)
        return changed + features if self.has_shortcut else changed


class _SqueezeExcite(nn.Module):
    """Weigh channels by what the whole map says of each (Hu et al., 2017, arXiv:1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = rounded(channels / 4)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            relu(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        weights: torch.Tensor = self.weigh(features)
        return features * weights
