"""What PyBuda is given of a model: private copies that take tensors and give tensors.

PyBuda rewrites the modules it is given and sends those of the host to other
processes. So it gets copies, inside modules of this file, which can be pickled
where the user's can.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Sequence
from typing import Any

import pybuda
import torch

from ttbench_core.errors import UnsupportedOptionError, one_line
from ttbench_core.models.reference.copies import private_copy
from ttbench_core.models.reference.outputs import as_tensors

__all__ = ["narrowed", "passed_through", "refuse_unsendable", "wrapped", "wrapped_loss"]


class TensorsIn(torch.nn.Module):
    """A stage whose outputs are a tuple of tensors, whatever the stage itself returns."""

    def __init__(self, stage: torch.nn.Module) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the stage."""
        return as_tensors(self.stage(*tensors))

    def reset(self) -> None:
        """Let a stage that keeps something forget it: PyBuda asks before it compiles."""
        reset = getattr(self.stage, "reset", None)
        if callable(reset):
            reset()


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
        """Call the loss as ttbench's contract says: outputs, then targets.

        An output that takes no part gets a gradient of zeros: PyBuda leads one back for each.
        """
        given = _listed(outputs)
        value: torch.Tensor = self.loss(*given, *_listed(targets))
        for output in given:
            if output.requires_grad:
                value = value + 0.0 * output.sum()
        return value


def wrapped(stage: str, module: Any, *, training: bool) -> Any:
    """Make PyBuda's module of a stage, or a list of them; its own modules are taken as they are.

    Raises `UnsupportedOptionError` for anything else.
    """
    if isinstance(module, (list, tuple)):
        parts = enumerate(module)
        return [wrapped(f"{stage}_{index}", part, training=training) for index, part in parts]
    if isinstance(module, pybuda.Module):
        return module
    return pybuda.PyTorchModule(_named(stage), TensorsIn(_copied(stage, module).train(training)))


def passed_through() -> Any:
    """Make PyBuda's module of a stage that gives what it takes."""
    return pybuda.PyTorchModule(_named("through"), PassThrough())


def refuse_unsendable(stage: str, module: Any) -> None:
    """Raise `UnsupportedOptionError` for a stage that cannot be sent to PyBuda's process for it."""
    try:
        _Probe(io.BytesIO()).dump(module)
    except Exception as error:
        raise UnsupportedOptionError(
            f"stage {stage} ({type(module).__name__}) runs in a process of PyBuda's and cannot be"
            f" sent there ({one_line(error)}): its classes must be at the top of a module that can"
            " be imported"
        ) from error


class _Probe(pickle.Pickler):
    """Pickles everything but the numbers of tensors."""

    def persistent_id(self, obj: Any) -> str | None:
        return "tensor" if isinstance(obj, torch.Tensor) else None


def wrapped_loss(module: Any) -> Any:
    """Make PyBuda's module of a loss."""
    if isinstance(module, pybuda.Module):
        return module
    return pybuda.PyTorchModule(_named("loss"), LossOf(_copied("loss", module)))


def _named(stage: str) -> str:
    # PyBuda writes files of this name into the working folder and removes them at its end: it
    # must be no name that a user's file has, and another for each run
    return f"ttbench_{os.getpid()}_{stage}"


def narrowed(tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Give inputs in types that the card has: 64-bit whole numbers become 32-bit ones."""
    return tuple(
        tensor.to(torch.int32) if tensor.dtype == torch.int64 else tensor for tensor in tensors
    )


def _copied(stage: str, module: Any) -> torch.nn.Module:
    if not isinstance(module, torch.nn.Module):
        raise UnsupportedOptionError(
            f"stage {stage} is a {type(module).__name__} of {type(module).__module__}; backend"
            " 'pybuda' runs a torch.nn.Module or a module of PyBuda"
        )
    return private_copy(module)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)
