"""Private copies of a model's stages, the device stage on a device of PyTorch/XLA."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch

from ttbench_core.model import Stages
from ttbench_core.models.reference.copies import private_copy

__all__ = ["place_module", "placed_stages"]


def placed_stages(
    stages: Stages, device: torch.device, dtype: torch.dtype, *, training: bool
) -> dict[str, Any]:
    """Copy the stages that a run uses; those on the host stay there, in float32.

    Args:
        stages: of the model, which stay as they are.
        device: of the device stage.
        dtype: that its weights are converted to.
        training: with the loss, and everything in training mode.
    """
    copies: dict[str, Any] = {}
    for name, module in stages.present(training=training).items():
        copy = private_copy(module).train(training)
        if name == "device":
            if not training:
                _drop_counters(copy)
            place_module(copy, device, dtype)
        elif name != "loss":
            copy.to(torch.float32)
        copies[name] = copy
    return copies


def _drop_counters(module: torch.nn.Module) -> None:
    """Drop how often a batch norm was trained: moved, it would be a graph of its own."""
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            part.num_batches_tracked = None


def place_module(module: torch.nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Move a module to a device, in place; parameters that modules share stay shared.

    On a lazy device `Module.to` makes a new parameter for each place that a shared one has.
    """
    places: dict[int, list[tuple[torch.nn.Module, str]]] = defaultdict(list)
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False, remove_duplicate=False):
            places[id(parameter)].append((part, name))
    module.to(dtype)
    module.to(device)
    for (owner, name), *others in places.values():
        for part, other in others:
            setattr(part, other, getattr(owner, name))
