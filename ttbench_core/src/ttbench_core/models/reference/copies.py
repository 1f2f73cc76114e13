"""Private copies of a user's modules that share the memory of their weights."""

from __future__ import annotations

import copy

import torch

__all__ = ["private_copy"]


def private_copy(module: torch.nn.Module) -> torch.nn.Module:
    """Copy a module so that converting the copy leaves the original as it is.

    Parameters are new objects over the same storage: converting one gives it
    new storage, so no weight is in memory twice. Buffers are copied,
    because training writes into them. Shared weights stay shared.

    Raises `TypeError` for a module that cannot be copied, naming its class.
    """
    shared: dict[int, object] = {
        id(parameter): torch.nn.Parameter(parameter.detach(), parameter.requires_grad)
        for parameter in module.parameters()
    }
    try:
        return copy.deepcopy(module, shared)
    except Exception as error:
        raise TypeError(
            f"module {type(module).__name__} cannot be copied ({error}); the benchmark works on a"
            " copy, so that the model you gave stays as it is"
        ) from error
