"""What PyBuda is given of a model: private copies that take tensors and give tensors.

PyBuda rewrites the modules it is given and sends those of the host to other
processes. So it gets copies, inside modules of this file, which can be pickled
where the user's can.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pybuda
import torch

from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.reference.copies import private_copy
from ttbench_core.reference.outputs import as_tensors

__all__ = ["PassThrough", "narrowed", "wrapped", "wrapped_loss"]


class TensorsIn(torch.nn.Module):
    """A stage whose outputs are a tuple of tensors, whatever the stage itself returns."""

    def __init__(self, stage: torch.nn.Module) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the stage."""
        return as_tensors(self.stage(*tensors))


class PassThrough(torch.nn.Module):
    """A stage that gives what it takes: the loss of a model needs one on the host before it."""

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Give the tensors."""
        return tensors


class LossOf(torch.nn.Module):
    """A loss as PyBuda calls it, with outputs and targets: each a tensor, or a tuple of several."""

    def __init__(self, loss: torch.nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Any, targets: Any) -> torch.Tensor:
        """Call the loss as ttbench's contract says: outputs, then targets."""
        value: torch.Tensor = self.loss(*_listed(outputs), *_listed(targets))
        return value


def wrapped(name: str, module: Any, *, training: bool) -> Any:
    """Make PyBuda's module of a stage, or a list of them; its own modules are taken as they are.

    Raises `UnsupportedOptionError` for anything else.
    """
    if isinstance(module, (list, tuple)):
        return [
            wrapped(f"{name}_{index}", one, training=training) for index, one in enumerate(module)
        ]
    if isinstance(module, pybuda.Module):
        return module
    return pybuda.PyTorchModule(name, TensorsIn(_copied(name, module).train(training)))


def wrapped_loss(name: str, module: Any) -> Any:
    """Make PyBuda's module of a loss."""
    if isinstance(module, pybuda.Module):
        return module
    return pybuda.PyTorchModule(name, LossOf(_copied(name, module)))


def narrowed(tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Give inputs in types that the card has: 64-bit whole numbers become 32-bit ones."""
    return tuple(
        tensor.to(torch.int32) if tensor.dtype == torch.int64 else tensor for tensor in tensors
    )


def _copied(name: str, module: Any) -> torch.nn.Module:
    if not isinstance(module, torch.nn.Module):
        raise UnsupportedOptionError(
            f"stage {name} is a {type(module).__name__} of {type(module).__module__}; backend"
            " 'pybuda' runs a torch.nn.Module or a module of PyBuda"
        )
    return private_copy(module)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)
