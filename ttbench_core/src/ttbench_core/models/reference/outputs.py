"""The tensors in what a stage returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

__all__ = ["as_tensors", "first_non_finite", "has_tensors", "output_fault"]


def as_tensors(returned: Any) -> tuple[Any, ...]:
    """Give the tensors in what a module returned, in order.

    Reads tensors, (nested) lists and tuples, and mappings such as the model
    outputs of transformers; drops None. Raises `TypeError` where there is none.
    """
    tensors = tuple(_flat(returned))
    if not tensors:
        raise TypeError(f"a stage returned {type(returned).__name__} without a tensor in it")
    return tensors


def has_tensors(returned: Any) -> bool:
    """Return whether there is a tensor in what a module returned."""
    return bool(_flat(returned))


def first_non_finite(returned: Any) -> float | None:
    """Give the first value that is not finite in what a session returned; None where all are."""
    for tensor in _flat(returned):
        non_finite = tensor[~torch.isfinite(tensor)]
        if non_finite.numel():
            return float(non_finite.flatten()[0])
    return None


def output_fault(outputs: Any) -> str | None:
    """Say why something is no outputs of a session: a sequence of tensors on the host.

    None for what is.
    """
    if outputs is None:
        return "it gave None"
    if isinstance(outputs, torch.Tensor):
        return "it gave one tensor alone: give [tensor]"
    if not isinstance(outputs, (list, tuple)):
        return f"it gave a {_kind(outputs)}: give a list of its tensors (helpers.flat_outputs)"
    if not outputs:
        return "it gave no outputs"
    for index, one in enumerate(outputs):
        if not isinstance(one, torch.Tensor):
            return f"output {index} is a {_kind(one)}"
        if one.device.type != "cpu":
            return f"output {index} is on the device {one.device}"
    return None


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")


def _flat(returned: Any) -> list[Any]:
    if isinstance(returned, torch.Tensor):
        return [returned]
    if isinstance(returned, Mapping):
        returned = tuple(returned.values())
    if isinstance(returned, (tuple, list)):
        return [tensor for part in returned for tensor in _flat(part)]
    return []
