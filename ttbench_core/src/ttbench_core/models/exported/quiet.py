"""Keeping away what exporters and converters say about themselves."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Final

__all__ = ["quiet_conversion"]

#: It reports that torchvision is missing, which no model here needs.
_LOGGER: Final = "torch.onnx"


@contextlib.contextmanager
def quiet_conversion() -> Iterator[None]:
    """Show no warnings while a graph is made or converted: they are about torch's own code.

    What goes wrong with a model raises, and is not hidden.
    """
    logger = logging.getLogger(_LOGGER)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
