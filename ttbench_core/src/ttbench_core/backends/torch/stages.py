"""One stage of a model as a step: a function from tensors to tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ttbench_core.models.reference.outputs import as_tensors

if TYPE_CHECKING:
    import torch

__all__ = ["Step", "Tensors", "as_step", "chained", "to_host"]

Tensors: TypeAlias = Sequence[Any]
#: One input through one or more stages.
Step: TypeAlias = Callable[[Tensors], Tensors]


def as_step(module: Callable[..., Any], device: torch.device, dtype: torch.dtype) -> Step:
    """Make a step that brings its inputs to the device, and floats to the dtype.

    Both are part of what is timed: inputs come from the host as they are.
    """
    # a copy to the host that is not waited for could be read before it has arrived
    non_blocking = device.type != "cpu"

    def run(inputs: Tensors) -> Tensors:
        moved = [
            tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype, non_blocking)
            for tensor in inputs
        ]
        return as_tensors(module(*moved))

    return run


def chained(steps: Sequence[Step]) -> Step:
    """Make one step of several, called one after the other."""
    if len(steps) == 1:
        return steps[0]

    def run(inputs: Tensors) -> Tensors:
        for step in steps:
            inputs = step(inputs)
        return inputs

    return run


def to_host(outputs: Tensors) -> Tensors:
    """Bring outputs to the host and wait for them."""
    return [tensor.to("cpu") for tensor in outputs]
