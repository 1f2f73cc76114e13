"""What the levels of `-opt` mean on PyTorch. It imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = [
    "AUTOTUNE_LEVEL",
    "CHANNELS_LAST_LEVEL",
    "COMPARED_LEVELS",
    "COMPILE_LEVEL",
    "DEFAULT_LEVEL",
    "FREEZING_LEVEL",
    "LEVELS",
    "LEVEL_HELP",
]

#: From this level on, convolution weights are channels last.
CHANNELS_LAST_LEVEL: Final = 1
#: From this level on, the device stage goes through torch.compile.
COMPILE_LEVEL: Final = 2
#: From this level on, weights are constants for the compiler; in inference alone.
FREEZING_LEVEL: Final = 3
#: From this level on, kernels are chosen by timing them.
AUTOTUNE_LEVEL: Final = 4

LEVELS: Final = range(5)
DEFAULT_LEVEL: Final = CHANNELS_LAST_LEVEL
#: Those that a comparison of engines runs.
COMPARED_LEVELS: Final = (CHANNELS_LAST_LEVEL, COMPILE_LEVEL, FREEZING_LEVEL)
LEVEL_HELP: Final[Mapping[int, str]] = {
    0: "eager",
    1: "eager; convolutions channels last in inference",
    2: "torch.compile",
    3: "torch.compile with frozen weights; inference only",
    4: "the same with max-autotune; inference only",
}
