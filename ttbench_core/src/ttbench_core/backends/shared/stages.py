"""The stages of a model as steps: functions from inputs to tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch

from ttbench_core.model import Inputs
from ttbench_core.models.inputs import call_with, is_flat, tensor_mapper
from ttbench_core.models.reference.outputs import as_tensors

__all__ = [
    "HOST",
    "Place",
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


@dataclass(frozen=True)
class Place:
    """Where a stage runs, and in what it computes."""

    device: torch.device
    #: Of its weights, and of its floating point inputs.
    dtype: torch.dtype
    #: Whether torch.autocast computes in bfloat16.
    autocast: bool = False


_ON_HOST: Final = Place(HOST, torch.float32)


def stage_steps(modules: Mapping[str, Any], place: Place, inputs: Inputs) -> dict[str, Step]:
    """Make one step per stage, in the order of the data.

    Args:
        modules: by the name of their stage; each is where it runs.
        place: of the device stage; the others compute in float32 on the host.
        inputs: the model's. The first step takes inputs of this structure, the others tensors.
    """
    places = {"cpu_pre": _ON_HOST, "device": place, "cpu_post": _ON_HOST}
    present = [name for name in places if name in modules]
    return {
        name: _make_step(modules[name], places[name], inputs if name == present[0] else ())
        for name in present
    }


def inference_steps(modules: Mapping[str, Any], place: Place, inputs: Inputs) -> list[Step]:
    """Make one step per stage; a device stage that is alone leaves its outputs on the device.

    Takes what `stage_steps` takes.
    """
    steps = stage_steps(modules, place, inputs)
    if len(steps) > 1 and place.device != HOST:
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


def _autocasting(step: Step, device: torch.device) -> Step:
    def run(inputs: Inputs) -> Tensors:
        with torch.autocast(device.type, torch.bfloat16):
            return step(inputs)

    return run


def _make_step(module: Callable[..., Any], place: Place, like: Inputs) -> Step:
    """Make a step that moves inputs of a structure to the device, and floats to the dtype.

    Both are part of what is timed: inputs come from the host as they are.
    """
    device, dtype = place.device, place.dtype
    if place.autocast:
        return _autocasting(_make_step(module, Place(device, dtype), like), device)
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
