"""VoVNetV2 (Lee and Park, 2019, arXiv:1911.06667): one-shot aggregation with eSE attention.

The sizes are those that timm publishes as ese_vovnet19b_dw, ese_vovnet39b and ese_vovnet99b.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import nn

from ttbench_models_vision.networks.blocks import conv

__all__ = ["VoVNetV2"]


class _Shape(NamedTuple):
    """Blocks of each of the four stages, convolutions of a block, and their kind."""

    blocks: tuple[int, int, int, int]
    convolutions: int
    stem: tuple[int, int, int] = (64, 64, 128)
    is_separable: bool = False


_SHAPES: Final = {
    "19": _Shape((1, 1, 1, 1), 3, stem=(64, 64, 64), is_separable=True),
    "39": _Shape((1, 1, 2, 2), 5),
    "99": _Shape((1, 3, 9, 3), 5),
}
#: Channels inside and behind the blocks of each stage.
_INSIDE: Final = (128, 160, 192, 224)
_BEHIND: Final = (256, 512, 768, 1024)


class VoVNetV2(nn.Module):
    """A classifier of images (samples, 3, rows, columns); gives logits (samples, classes).

    Args:
        size: `19` with separable convolutions, `39` or `99`.
        classes: how many there are.
    """

    def __init__(self, size: str, classes: int) -> None:
        super().__init__()
        shape = _SHAPES[size]
        stem = shape.stem
        inputs = (stem[-1], *_BEHIND)
        self.stem = nn.Sequential(
            conv(3, stem[0], stride=2),
            _convolution(stem[0], stem[1], is_separable=shape.is_separable),
            _convolution(stem[1], stem[2], stride=2, is_separable=shape.is_separable),
        )
        self.stages = nn.Sequential(*(_stage(shape, inputs[n], n) for n in range(4)))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(_BEHIND[-1], classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Classify."""
        logits: torch.Tensor = self.head(self.stages(self.stem(images)))
        return logits


def _stage(shape: _Shape, inputs: int, number: int) -> nn.Sequential:
    """Halve the map, but in the first stage, and aggregate; only the last block has attention."""
    last = shape.blocks[number] - 1
    blocks: list[nn.Module] = [] if number == 0 else [nn.MaxPool2d(3, 2, ceil_mode=True)]
    for block in range(last + 1):
        before = inputs if block == 0 else _BEHIND[number]
        blocks.append(_Aggregation(shape, before, number, block > 0, block == last))
    return nn.Sequential(*blocks)


class _Aggregation(nn.Module):
    """Convolutions in a row whose results are all put together at once, at the end."""

    def __init__(
        self, shape: _Shape, inputs: int, stage: int, has_shortcut: bool, attends: bool
    ) -> None:
        super().__init__()
        inside, behind = _INSIDE[stage], _BEHIND[stage]
        self.has_shortcut = has_shortcut
        self.reduce: nn.Module = nn.Identity()
        first = inputs
        if shape.is_separable and inputs != inside:
            self.reduce, first = conv(inputs, inside, 1), inside
        self.row = nn.ModuleList(
            _convolution(first if n == 0 else inside, inside, is_separable=shape.is_separable)
            for n in range(shape.convolutions)
        )
        self.merge = conv(inputs + shape.convolutions * inside, behind, 1)
        self.attention = _EffectiveSqueezeExcite(behind) if attends else nn.Identity()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        maps = [features]
        current = self.reduce(features)
        for layer in self.row:
            current = layer(current)
            maps.append(current)
        merged: torch.Tensor = self.attention(self.merge(torch.cat(maps, dim=1)))
        return merged + features if self.has_shortcut else merged


class _EffectiveSqueezeExcite(nn.Module):
    """Weigh channels by one layer that keeps their number, so that nothing is lost on the way."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        whole = features.mean((2, 3), keepdim=True)
        return features * nn.functional.hardsigmoid(self.layer(whole))


def _convolution(
    inputs: int, outputs: int, *, is_separable: bool, stride: int = 1
) -> nn.Sequential:
    if not is_separable:
        return conv(inputs, outputs, stride=stride)
    depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
    return nn.Sequential(depthwise, *conv(inputs, outputs, 1))
