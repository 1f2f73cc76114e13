"""What the networks share: a convolution with batch normalisation and activation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from torch import nn

__all__ = ["Activation", "conv", "relu", "rounded"]

#: Makes an activation.
Activation = Callable[[], nn.Module]

relu: Final[Activation] = partial(nn.ReLU, inplace=True)


def conv(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    groups: int = 1,
    padding: int | None = None,
    activation: Activation | None = relu,
) -> nn.Sequential:
    """Make a convolution without bias, its normalisation and its activation.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: rows and columns.
        stride: of rows and columns.
        groups: as many as channels for a depthwise one.
        padding: half the kernel if not given, which keeps the size at stride 1.
        activation: None for none.
    """
    around = kernel // 2 if padding is None else padding
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, around, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


def rounded(channels: float, divisor: int = 8) -> int:
    """Round channels to a multiple, and never down by more than a tenth (MobileNetV2's rule)."""
    near = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * channels else near
