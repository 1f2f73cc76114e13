"""The tensors in what a stage returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

__all__ = ["as_tensors", "first_non_finite"]


def as_tensors(returned: Any) -> tuple[Any, ...]:
    """Give the tensors in what a module returned, in order.

    Reads tensors, (nested) lists and tuples, and mappings such as the model
    outputs of transformers; drops None. Raises `TypeError` where there is none.
    """
    tensors = tuple(_flat(returned))
    if not tensors:
        raise TypeError(f"a stage returned {type(returned).__name__} without a tensor in it")
    return tensors


def first_non_finite(returned: Any) -> float | None:
    """Give the first value that is not finite in what a session returned; None where all are."""
    for tensor in _flat(returned):
        non_finite = tensor[~torch.isfinite(tensor)]
        if non_finite.numel():
            return float(non_finite.flatten()[0])
    return None


def _flat(returned: Any) -> list[Any]:
    if isinstance(returned, torch.Tensor):
        return [returned]
    if isinstance(returned, Mapping):
        returned = tuple(returned.values())
    if isinstance(returned, (tuple, list)):
        return [tensor for part in returned for tensor in _flat(part)]
    return []
