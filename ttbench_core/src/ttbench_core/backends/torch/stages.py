"""One stage of a model as a function from tensors to tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch

__all__ = ["Tensors", "as_tensors", "device_stage", "host_stage", "to_host"]

Tensors: TypeAlias = Sequence[Any]


def as_tensors(returned: Any) -> tuple[Any, ...]:
    """Give the tensors in what a module returned, in order.

    Reads tensors, (nested) lists and tuples, and mappings such as the model
    outputs of transformers; drops None. Raises `TypeError` where there is none.
    """
    tensors = tuple(_flat(returned))
    if not tensors:
        raise TypeError(f"a stage returned {type(returned).__name__} without a tensor in it")
    return tensors


def device_stage(
    module: Callable[..., Any], device: torch.device, dtype: torch.dtype
) -> Callable[[Tensors], Tensors]:
    """Make a stage that moves its inputs to the device and its floats to the dtype.

    Both are part of what is timed: inputs come from the host as they are.
    """
    if device.type == "cpu" and dtype is torch.float32:
        return host_stage(module)

    def run(inputs: Tensors) -> Tensors:
        moved = [
            tensor.to(
                device, dtype if tensor.is_floating_point() else tensor.dtype, non_blocking=True
            )
            for tensor in inputs
        ]
        return as_tensors(module(*moved))

    return run


def host_stage(
    module: Callable[..., Any], dtype: torch.dtype | None = None
) -> Callable[[Tensors], Tensors]:
    """Make a stage that runs on the CPU, its floats brought to `dtype` if one is given."""

    def run(inputs: Tensors) -> Tensors:
        return as_tensors(module(*inputs))

    def run_converted(inputs: Tensors) -> Tensors:
        converted = [
            tensor.to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
            for tensor in inputs
        ]
        return as_tensors(module(*converted))

    return run if dtype is None else run_converted


def to_host(outputs: Tensors) -> Tensors:
    """Bring outputs to the host and wait for them."""
    return [tensor.to("cpu") for tensor in outputs]


def _flat(returned: Any) -> list[Any]:
    if isinstance(returned, torch.Tensor):
        return [returned]
    if isinstance(returned, Mapping):
        returned = tuple(returned.values())
    if isinstance(returned, (tuple, list)):
        return [tensor for part in returned for tensor in _flat(part)]
    return []
