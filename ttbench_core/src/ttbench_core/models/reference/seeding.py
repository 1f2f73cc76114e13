"""Random numbers of torch that repeat for a seed; the caller's own go on as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch

__all__ = ["seeded"]


@contextlib.contextmanager
def seeded(seed: int, cuda_indices: Sequence[int] = ()) -> Iterator[None]:
    """Seed torch's generators, and restore those of the host and of CUDA devices at the end.

    Args:
        seed: what `torch.manual_seed` takes.
        cuda_indices: the devices whose generators are restored.
    """
    with torch.random.fork_rng(devices=list(cuda_indices)):
        torch.manual_seed(seed)
        yield
