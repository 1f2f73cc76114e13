"""Private Fp32 copies of a model's stages, and the conditions they run under."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import torch

from ttbench_core.model import BenchmarkModel, GeneratingModule
from ttbench_core.models.inputs import map_tensors
from ttbench_core.models.reference.copies import private_copy

__all__ = [
    "HOST",
    "float32_copy",
    "float32_stages",
    "generates_in_torch",
    "in_float32",
    "reference_conditions",
    "runs_in_torch",
]

HOST: Final = torch.device("cpu")


def runs_in_torch(model: BenchmarkModel, *, training: bool = False) -> bool:
    """Return whether PyTorch alone can run a model from its inputs to its outputs.

    It cannot run a function, a module of another engine or a generation loop.

    Args:
        model: as built.
        training: whether the loss is run too.
    """
    stages = model.stages.present(training=training).values()
    return not model.generation and all(isinstance(stage, torch.nn.Module) for stage in stages)


def generates_in_torch(model: BenchmarkModel) -> bool:
    """Return whether PyTorch alone can generate with a model: by its only stage."""
    device = model.stages.device
    is_only_stage = len(model.stages.present(training=False)) == 1
    can_generate = isinstance(device, torch.nn.Module) and isinstance(device, GeneratingModule)
    return bool(model.generation) and is_only_stage and can_generate


def float32_stages(
    model: BenchmarkModel, *, training: bool = False, device: torch.device = HOST
) -> dict[str, torch.nn.Module]:
    """Copy a model's stages in float32, in the order of the data; see `float32_copy`.

    Args:
        model: one that `runs_in_torch`.
        training: with the loss, and everything in training mode; else in eval mode.
        device: where the copies are.

    Raises `TypeError` for a module that cannot be copied.
    """
    present = model.stages.present(training=training)
    return {
        name: float32_copy(module, training=training, device=device)
        for name, module in present.items()
    }


def float32_copy(
    module: torch.nn.Module, *, training: bool = False, device: torch.device = HOST
) -> torch.nn.Module:
    """Copy a module in float32, in eval mode unless it is for training; see `private_copy`.

    Raises `TypeError` for a module that cannot be copied.
    """
    # a caller between a session's compiling and closing is in inference mode
    with torch.inference_mode(False):
        return private_copy(module).train(training).to(device, torch.float32)


def in_float32(values: Any, device: torch.device | None = None, *, copy: bool = False) -> Any:
    """Bring tensors to a device, floats in float32 and all others as they are.

    Args:
        values: inputs, targets, or outputs of a stage; see `map_tensors`.
        device: where they go; None leaves each where it is.
        copy: also copy a tensor that needs no conversion, because a stage may write into it.
    """

    def convert(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(
            device=tensor.device if device is None else device,
            dtype=torch.float32 if tensor.is_floating_point() else tensor.dtype,
            copy=copy,
        )

    return map_tensors(convert, values)


@contextlib.contextmanager
def reference_conditions() -> Iterator[None]:
    """Compute float32 at full precision; restore torch's settings and random state at the end."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        # the host's generator alone: nothing here runs on another device
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
