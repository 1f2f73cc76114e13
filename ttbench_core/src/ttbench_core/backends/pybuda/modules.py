"""The stages of a model as PyBuda's modules: private copies from tensors to tensors.

PyBuda rewrites the modules it gets and sends those of the host to other
processes. So it gets copies, inside modules of this file, which can be pickled
if the user's can.
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
from ttbench_core.model import Inputs
from ttbench_core.models.inputs import (
    call_with,
    has_dimensions,
    is_flat,
    map_tensors,
    named_leaves,
)
from ttbench_core.models.reference.copies import private_copy
from ttbench_core.models.reference.outputs import as_tensors

__all__ = [
    "narrow_integers",
    "pass_through_module",
    "pushed_tensors",
    "refuse_unpicklable",
    "wrap_loss",
    "wrap_stage",
]


class TensorsIn(torch.nn.Module):
    """A stage from tensors to a tuple of tensors, whatever the stage itself takes and returns.

    Args:
        stage: the module.
        structure: what the stage is called with: the structure of a model's inputs, in which the
            tensors with dimensions are replaced and everything else is constant; None for tensors
            alone.
    """

    def __init__(self, stage: torch.nn.Module, structure: Inputs | None = None) -> None:
        super().__init__()
        self.stage = stage
        self.structure = structure

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the stage."""
        if self.structure is None:
            return as_tensors(self.stage(*tensors))
        remaining = iter(tensors)
        inputs = map_tensors(
            lambda value: next(remaining) if has_dimensions(value) else value, self.structure
        )
        return as_tensors(call_with(self.stage, inputs))

    def reset(self) -> None:
        """Reset a stage that has state: PyBuda calls this before it compiles."""
        reset = getattr(self.stage, "reset", None)
        if callable(reset):
            reset()


class PassThrough(torch.nn.Module):
    """A stage that returns its inputs: a loss needs a stage on the host before it."""

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the tensors."""
        return tensors


class LossOf(torch.nn.Module):
    """A loss as PyBuda calls it, with outputs and targets: each a tensor, or a tuple of several."""

    def __init__(self, loss: torch.nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Any, targets: Any) -> torch.Tensor:
        """Call the loss as ttbench's contract says: outputs, then targets.

        An output that the loss ignores gets a gradient of zeros: PyBuda needs one for each.
        """
        output_list = _as_sequence(outputs)
        value: torch.Tensor = self.loss(*output_list, *_as_sequence(targets))
        for output in output_list:
            if output.requires_grad:
                value = value + 0.0 * output.sum()
        return value


def pushed_tensors(inputs: Inputs) -> tuple[torch.Tensor, ...]:
    """Give the tensors of inputs that are pushed: PyBuda has none without dimensions."""
    return tuple(value for _, value in named_leaves(inputs) if has_dimensions(value))


def wrap_stage(stage: str, module: Any, *, training: bool, inputs: Inputs | None = None) -> Any:
    """Make PyBuda's module of a stage, or a list of them; a module of PyBuda stays as it is.

    Args:
        stage: its name.
        module: of the stage.
        training: whether the module is in training mode.
        inputs: the model's, for its first stage; None for the others.

    Raises `UnsupportedOptionError` for anything else, and for a module of PyBuda whose inputs are
    not tensors alone.
    """
    if isinstance(module, (list, tuple)):
        taken = [inputs, *[None] * len(module)]
        return [
            wrap_stage(f"{stage}_{index}", part, training=training, inputs=taken[index])
            for index, part in enumerate(module)
        ]
    structure = None if inputs is None else _structure_of(inputs)
    if not isinstance(module, pybuda.Module):
        copied = _copy_module(stage, module).train(training)
        return pybuda.PyTorchModule(_module_name(stage), TensorsIn(copied, structure))
    if structure is not None:
        raise UnsupportedOptionError(
            f"stage {stage} is a module of PyBuda, which takes tensors alone: return the inputs as"
            " a list of tensors, or use a torch.nn.Module"
        )
    return module


def _structure_of(inputs: Inputs) -> Inputs | None:
    """Give the structure for `TensorsIn`, without values of tensors that are pushed."""
    if is_flat(inputs) and all(map(has_dimensions, inputs)):
        return None
    structure: Inputs = map_tensors(
        lambda value: torch.empty(0) if has_dimensions(value) else value, inputs
    )
    return structure


def pass_through_module() -> Any:
    """Make PyBuda's module of a stage that returns its inputs."""
    return pybuda.PyTorchModule(_module_name("through"), PassThrough())


def refuse_unpicklable(stage: str, module: Any) -> None:
    """Raise `UnsupportedOptionError` for a stage that cannot be sent to PyBuda's process for it."""
    try:
        _PicklerWithoutTensors(io.BytesIO()).dump(module)
    except Exception as error:
        raise UnsupportedOptionError(
            f"stage {stage} ({type(module).__name__}) runs in a process of PyBuda's and cannot be"
            f" sent there ({one_line(error)}): its classes must be at the top of a module that can"
            " be imported"
        ) from error


class _PicklerWithoutTensors(pickle.Pickler):
    """Pickles everything but the contents of tensors."""

    def persistent_id(self, obj: Any) -> str | None:
        return "tensor" if isinstance(obj, torch.Tensor) else None


def wrap_loss(module: Any) -> Any:
    """Make PyBuda's module of a loss."""
    if isinstance(module, pybuda.Module):
        return module
    return pybuda.PyTorchModule(_module_name("loss"), LossOf(_copy_module("loss", module)))


def _module_name(stage: str) -> str:
    # PyBuda writes files of this name into the working folder and removes them at its end: the
    # name must not be that of a user's file, and must differ between runs
    return f"ttbench_{os.getpid()}_{stage}"


def narrow_integers(tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Convert 64-bit integers, which a card does not have, to 32-bit ones."""
    return tuple(
        tensor.to(torch.int32) if tensor.dtype == torch.int64 else tensor for tensor in tensors
    )


def _copy_module(stage: str, module: Any) -> torch.nn.Module:
    if not isinstance(module, torch.nn.Module):
        raise UnsupportedOptionError(
            f"stage {stage} is a {type(module).__name__} of {type(module).__module__}; backend"
            " 'pybuda' runs a torch.nn.Module or a module of PyBuda"
        )
    return private_copy(module)


def _as_sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)
