"""Networks of the pytorchcv library, with random weights."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["construct", "construct_classifier"]


def construct(module: str, function: str) -> Any:
    """Build a network.

    Args:
        module: the one of `pytorchcv.models`; its provider would import every network there is.
        function: that builds the network.
    """
    return getattr(importlib.import_module(f"pytorchcv.models.{module}"), function)()


def construct_classifier(module: str, function: str) -> Any:
    """Build a classifier that takes images of any size.

    The library averages over a window as large as the last map of the published size; here it
    is over the whole map, which is the same thing at that size.
    """
    import torch

    network = construct(module, function)
    network.features.final_pool = torch.nn.AdaptiveAvgPool2d(1)
    return network
