"""YOLOv3 (Redmon and Farhadi, 2018, arXiv:1804.02767) and its tiny form."""

from __future__ import annotations

from functools import partial
from typing import Final

import torch
from torch import nn

from ttbench_models_vision.networks.blocks import Activation, conv

__all__ = ["YOLOv3", "YOLOv3Tiny"]

_leaky: Final[Activation] = partial(nn.LeakyReLU, 0.1, inplace=True)
_conv = partial(conv, activation=_leaky)
_ANCHORS: Final = 3
#: Channels and residual blocks of Darknet-53's stages, table 1 of the paper.
_DARKNET: Final = ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))
#: Channels of the tiny network's stages with a pooling by two behind them.
_TINY: Final = (16, 32, 64, 128, 256)


class YOLOv3(nn.Module):
    """Detects in images (samples, 3, rows, columns), both multiples of 32.

    Gives raw predictions for the strides 32, 16 and 8, each
    (samples, 3 * (5 + classes), rows / stride, columns / stride).

    Args:
        classes: how many there are.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        stages = []
        inputs = 32
        for outputs, blocks in _DARKNET:
            residuals = (_Residual(outputs) for _ in range(blocks))
            stages.append(nn.Sequential(_conv(inputs, outputs, stride=2), *residuals))
            inputs = outputs
        self.fine = nn.Sequential(_conv(3, 32), *stages[:3])
        self.middle, self.coarse = stages[3], stages[4]
        self.necks = nn.ModuleList((_neck(1024, 512), _neck(768, 256), _neck(384, 128)))
        self.lifts = nn.ModuleList((_lift(512, 256), _lift(256, 128)))
        self.heads = nn.ModuleList(_head(inside, classes) for inside in (512, 256, 128))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Detect."""
        fine = self.fine(images)
        middle = self.middle(fine)
        current = self.necks[0](self.coarse(middle))
        predictions = [self.heads[0](current)]
        for level, beside in enumerate((middle, fine)):
            lifted = self.lifts[level](current)
            current = self.necks[level + 1](torch.cat((lifted, beside), dim=1))
            predictions.append(self.heads[level + 1](current))
        return tuple(predictions)


class YOLOv3Tiny(nn.Module):
    """Detects in images (samples, 3, rows, columns), both multiples of 32.

    Gives raw predictions for the strides 32 and 16, shaped as those of `YOLOv3`.

    Args:
        classes: how many there are.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in _TINY:
            layers += [_conv(inputs, outputs), nn.MaxPool2d(2)]
            inputs = outputs
        # the map before the last pooling is used a second time
        self.fine = nn.Sequential(*layers[:-1])
        self.coarse = nn.Sequential(
            layers[-1],
            _conv(256, 512),
            # repeating the border keeps the size, and changes no maximum
            nn.ReplicationPad2d((0, 1, 0, 1)),
            nn.MaxPool2d(2, stride=1),
            _conv(512, 1024),
            _conv(1024, 256, 1),
        )
        self.lift = _lift(256, 128)
        self.heads = nn.ModuleList((_head(256, classes), _head(384, classes, 256)))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Detect."""
        fine = self.fine(images)
        coarse = self.coarse(fine)
        lifted = torch.cat((self.lift(coarse), fine), dim=1)
        return self.heads[0](coarse), self.heads[1](lifted)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, channels // 2, 1), _conv(channels // 2, channels))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.body(features)
        return features + changed


def _neck(inputs: int, inside: int) -> nn.Sequential:
    return nn.Sequential(
        _conv(inputs, inside, 1),
        _conv(inside, 2 * inside),
        _conv(2 * inside, inside, 1),
        _conv(inside, 2 * inside),
        _conv(2 * inside, inside, 1),
    )


def _lift(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, outputs, 1), nn.Upsample(scale_factor=2))


def _head(inputs: int, classes: int, inside: int | None = None) -> nn.Sequential:
    wide = inside or 2 * inputs
    return nn.Sequential(_conv(inputs, wide), nn.Conv2d(wide, _ANCHORS * (5 + classes), 1))
