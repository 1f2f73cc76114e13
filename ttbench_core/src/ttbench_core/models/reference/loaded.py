"""Modules and inputs that a loader gives, in Fp32; and outputs that its author must unpack."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Final

import torch

from ttbench_core.models.inputs import named_leaves
from ttbench_core.models.reference.outputs import has_tensors
from ttbench_core.models.reference.stages import in_float32

__all__ = ["FLOAT32", "UnpackedOutput", "is_module", "on_host", "with_float32", "with_outputs"]

FLOAT32: Final = torch.float32


def on_host() -> contextlib.AbstractContextManager[Any]:
    """Make tensors on the host, also while a model is built without values."""
    return torch.device("cpu")


def is_module(value: Any) -> bool:
    """Return whether a value is a module of PyTorch."""
    return isinstance(value, torch.nn.Module)


class UnpackedOutput(torch.nn.Module):
    """A module with outputs of a class of its own, and the function that reads tensors from them.

    Outputs in which ttbench finds tensors stay as they are.
    """

    def __init__(self, module: torch.nn.Module, unpack: Callable[[Any], Any]) -> None:
        super().__init__()
        self.module = module
        self._unpack = unpack

    def forward(self, *values: Any, **named: Any) -> Any:
        """Run the module."""
        returned = self.module(*values, **named)
        return returned if has_tensors(returned) else self._unpack(returned)


def with_outputs(module: torch.nn.Module, method: Callable[[Any], Any]) -> torch.nn.Module:
    """Let a method of a loader read what its module returns, where nothing else can."""

    # a copy of a bound method would copy the loader, and with it the model that it keeps
    def unpack(returned: Any) -> Any:
        return method(returned)

    return UnpackedOutput(module, unpack)


def with_float32(module: torch.nn.Module, inputs: Any) -> tuple[torch.nn.Module, Any, list[str]]:
    """Bring a module and its inputs to Fp32, so that the reference is computed from what it is.

    Returns:
        Both, and the other types of floats that they had.
    """
    tensors = [*module.parameters(), *module.buffers()]
    tensors += [one for _, one in named_leaves(inputs) if isinstance(one, torch.Tensor)]
    types = {one.dtype for one in tensors if one.is_floating_point()} - {FLOAT32}
    names = sorted(str(one).removeprefix("torch.") for one in types)
    return (module.to(FLOAT32), in_float32(inputs), names) if names else (module, inputs, names)
