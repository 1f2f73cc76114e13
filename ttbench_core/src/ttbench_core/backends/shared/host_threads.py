"""The number of threads that torch computes with on the host."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["host_threads"]


@contextlib.contextmanager
def host_threads(count: int | None) -> Iterator[None]:
    """Set the number of threads that torch computes with on the CPU; None changes nothing."""
    previous = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count is not None:
            torch.set_num_threads(previous)
