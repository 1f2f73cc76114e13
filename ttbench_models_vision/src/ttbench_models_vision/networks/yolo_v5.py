"""A YOLOv5-style detector, written from the published table of its layers.

There is no paper of the whole. Its parts are those of CSPNet (Wang et al., 2019,
arXiv:1911.11929), spatial pyramid pooling (He et al., 2014, arXiv:1406.4729) and PANet (Liu et
al., 2018, arXiv:1803.01534). Nothing here is taken from another implementation.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import torch
from torch import nn

from ttbench_models_vision.networks.blocks import Activation, conv

__all__ = ["YOLOv5Style"]

_silu: Final[Activation] = partial(nn.SiLU, inplace=True)
_conv = partial(conv, activation=_silu)
_ANCHORS: Final = 3
#: Depth and width of each size, as shares of the largest common table.
_SIZES: Final = {"s": (0.33, 0.5), "m": (0.67, 0.75)}


class YOLOv5Style(nn.Module):
    """Detects in images (samples, 3, rows, columns), both multiples of 32.

    Gives raw predictions for the strides 8, 16 and 32, each
    (samples, 3 * (5 + classes), rows / stride, columns / stride).

    Args:
        size: `s` or `m`.
        classes: how many there are.
    """

    def __init__(self, size: str, classes: int) -> None:
        super().__init__()
        depth, width = _SIZES[size]
        c64, c128, c256, c512, c1024 = (int(width * c) for c in (64, 128, 256, 512, 1024))
        three, six, nine = (max(round(depth * blocks), 1) for blocks in (3, 6, 9))
        self.fine = nn.Sequential(
            _conv(3, c64, 6, stride=2, padding=2),
            _conv(c64, c128, stride=2),
            _CrossStage(c128, c128, three),
            _conv(c128, c256, stride=2),
            _CrossStage(c256, c256, six),
        )
        self.middle = nn.Sequential(_conv(c256, c512, stride=2), _CrossStage(c512, c512, nine))
        self.coarse = nn.Sequential(
            _conv(c512, c1024, stride=2),
            _CrossStage(c1024, c1024, three),
            _PyramidPooling(c1024, c1024),
        )
        plain = partial(_CrossStage, blocks=three, has_shortcuts=False)
        self.narrow = nn.ModuleList((_conv(c1024, c512, 1), _conv(c512, c256, 1)))
        self.rise = nn.ModuleList((plain(c1024, c512), plain(c512, c256)))
        self.halve = nn.ModuleList((_conv(c256, c256, stride=2), _conv(c512, c512, stride=2)))
        self.sink = nn.ModuleList((plain(c512, c512), plain(c1024, c1024)))
        self.lift = nn.Upsample(scale_factor=2)
        outputs = _ANCHORS * (5 + classes)
        self.heads = nn.ModuleList(nn.Conv2d(c, outputs, 1) for c in (c256, c512, c1024))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Detect."""
        fine = self.fine(images)
        middle = self.middle(fine)
        low = self.narrow[0](self.coarse(middle))
        mid = self.narrow[1](self.rise[0](torch.cat((self.lift(low), middle), dim=1)))
        first = self.rise[1](torch.cat((self.lift(mid), fine), dim=1))
        second = self.sink[0](torch.cat((self.halve[0](first), mid), dim=1))
        third = self.sink[1](torch.cat((self.halve[1](second), low), dim=1))
        levels = zip(self.heads, (first, second, third), strict=True)
        return tuple(head(level) for head, level in levels)


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, has_shortcut: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, channels, 1), _conv(channels, channels))
        self.has_shortcut = has_shortcut

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.body(features)
        return features + changed if self.has_shortcut else changed


class _CrossStage(nn.Module):
    """Half of the channels go through bottlenecks, half go past them."""

    def __init__(
        self, inputs: int, outputs: int, blocks: int, *, has_shortcuts: bool = True
    ) -> None:
        super().__init__()
        half = outputs // 2
        self.past = _conv(inputs, half, 1)
        self.through = nn.Sequential(
            _conv(inputs, half, 1), *(_Bottleneck(half, has_shortcuts) for _ in range(blocks))
        )
        self.merge = _conv(2 * half, outputs, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        both = (self.through(features), self.past(features))
        merged: torch.Tensor = self.merge(torch.cat(both, dim=1))
        return merged


class _PyramidPooling(nn.Module):
    """Maxima over windows of 5, 9 and 13: the larger ones by pooling again."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.narrow = _conv(inputs, inputs // 2, 1)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)
        self.merge = _conv(2 * inputs, outputs, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        maps = [self.narrow(features)]
        for _ in range(3):
            maps.append(self.pool(maps[-1]))
        merged: torch.Tensor = self.merge(torch.cat(maps, dim=1))
        return merged
