"""Building modules and tensors without values, by their shapes alone."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch

__all__ = ["on_meta"]


@contextlib.contextmanager
def on_meta() -> Iterator[None]:
    """Build everything within this context on the device meta; random state stays as it is."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), torch.device("meta"):
        # warnings about missing values do not matter here
        warnings.simplefilter("ignore")
        yield
