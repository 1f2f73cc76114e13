"""The stages of a model as steps: functions from tensors to tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import torch

from ttbench_core.backends.torch.formats import compute_dtype
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.request.formats import NumberFormat

__all__ = ["HOST", "Step", "Tensors", "chain_steps", "inference_steps", "stage_steps", "to_host"]

Tensors: TypeAlias = Sequence[Any]
#: Runs one input through one or more stages.
Step: TypeAlias = Callable[[Tensors], Tensors]

HOST: Final = torch.device("cpu")


def stage_steps(
    modules: Mapping[str, Any], data_format: NumberFormat, device: torch.device
) -> dict[str, Step]:
    """Make one step per stage, in the order of the data.

    Args:
        modules: by the name of their stage; each is where it runs.
        data_format: of the device stage; the others compute in float32.
        device: of the device stage; the others run on the host.
    """
    places = {
        "cpu_pre": (HOST, torch.float32),
        "device": (device, compute_dtype(data_format)),
        "cpu_post": (HOST, torch.float32),
    }
    return {
        name: _make_step(modules[name], *place) for name, place in places.items() if name in modules
    }


def inference_steps(
    modules: Mapping[str, Any], data_format: NumberFormat, device: torch.device
) -> list[Step]:
    """Make one step per stage; a device stage that is alone leaves its outputs on the device.

    Takes what `stage_steps` takes.
    """
    steps = stage_steps(modules, data_format, device)
    if len(steps) > 1 and device != HOST:
        steps["device"] = chain_steps([steps["device"], to_host])
    return list(steps.values())


def chain_steps(steps: Sequence[Step]) -> Step:
    """Make one step that calls several, one after the other."""
    if len(steps) == 1:
        return steps[0]

    def run(inputs: Tensors) -> Tensors:
        for step in steps:
            inputs = step(inputs)
        return inputs

    return run


def to_host(outputs: Tensors) -> Tensors:
    """Copy outputs to the host and wait for them."""
    return [tensor.to("cpu") for tensor in outputs]


def _make_step(module: Callable[..., Any], device: torch.device, dtype: torch.dtype) -> Step:
    """Make a step that moves its inputs to the device, and floats to the dtype.

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
