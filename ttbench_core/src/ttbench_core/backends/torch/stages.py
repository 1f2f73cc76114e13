"""The stages of a model as steps: functions from inputs to tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import torch

from ttbench_core.backends.torch.formats import compute_dtype
from ttbench_core.model import Inputs
from ttbench_core.models.inputs import call_with, is_flat, tensor_mapper
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.request.formats import NumberFormat

__all__ = [
    "HOST",
    "Step",
    "Tensors",
    "chain_steps",
    "inference_steps",
    "stage_steps",
    "tensor_mover",
    "to_host",
]

Tensors: TypeAlias = Sequence[Any]
#: Runs one input through one or more stages.
Step: TypeAlias = Callable[[Inputs], Tensors]

HOST: Final = torch.device("cpu")


def stage_steps(
    modules: Mapping[str, Any], data_format: NumberFormat, device: torch.device, inputs: Inputs
) -> dict[str, Step]:
    """Make one step per stage, in the order of the data.

    Args:
        modules: by the name of their stage; each is where it runs.
        data_format: of the device stage; the others compute in float32.
        device: of the device stage; the others run on the host.
        inputs: the model's. The first step takes inputs of this structure, the others tensors.
    """
    places = {
        "cpu_pre": (HOST, torch.float32),
        "device": (device, compute_dtype(data_format)),
        "cpu_post": (HOST, torch.float32),
    }
    present = [name for name in places if name in modules]
    return {
        name: _make_step(modules[name], *places[name], inputs if name == present[0] else ())
        for name in present
    }


def inference_steps(
    modules: Mapping[str, Any], data_format: NumberFormat, device: torch.device, inputs: Inputs
) -> list[Step]:
    """Make one step per stage; a device stage that is alone leaves its outputs on the device.

    Takes what `stage_steps` takes.
    """
    steps = stage_steps(modules, data_format, device, inputs)
    if len(steps) > 1 and device != HOST:
        steps["device"] = _copying_to_host(steps["device"])
    return list(steps.values())


def chain_steps(steps: Sequence[Step]) -> Step:
    """Make one step that calls several, one after the other."""
    if len(steps) == 1:
        return steps[0]

    first, *others = steps

    def run(inputs: Inputs) -> Tensors:
        tensors = first(inputs)
        for step in others:
            tensors = step(tensors)
        return tensors

    return run


def to_host(outputs: Tensors) -> Tensors:
    """Copy outputs to the host and wait for them."""
    return [tensor.to("cpu") for tensor in outputs]


def _copying_to_host(step: Step) -> Step:
    return lambda inputs: to_host(step(inputs))


def tensor_mover(
    device: torch.device, dtype: torch.dtype, *, non_blocking: bool = False
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Make a function that moves a tensor to a device, and floats to a dtype."""

    def move(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(
            device, dtype if tensor.is_floating_point() else tensor.dtype, non_blocking
        )

    return move


def _make_step(
    module: Callable[..., Any], device: torch.device, dtype: torch.dtype, like: Inputs
) -> Step:
    """Make a step that moves inputs of a structure to the device, and floats to the dtype.

    Both are part of what is timed: inputs come from the host as they are.
    """
    # a copy to the host that is not waited for could be read before it has arrived
    non_blocking = device.type != "cpu"
    if not is_flat(like):
        mover = tensor_mover(device, dtype, non_blocking=non_blocking)
        move = tensor_mapper(mover, like)
        return lambda inputs: as_tensors(call_with(module, move(inputs)))

    def run(tensors: Any) -> Tensors:
        # without a call of `move` for each tensor, which would be timed, too
        moved = [
            tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype, non_blocking)
            for tensor in tensors
        ]
        return as_tensors(module(*moved))

    return run
