"""Building modules and tensors by their shapes alone."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch

__all__ = ["on_meta"]


@contextlib.contextmanager
def on_meta() -> Iterator[None]:
    """Make what is built within this context on the device meta, and leave random state alone."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), torch.device("meta"):
        # what is warned of numbers that are not there says nothing
        warnings.simplefilter("ignore")
        yield
