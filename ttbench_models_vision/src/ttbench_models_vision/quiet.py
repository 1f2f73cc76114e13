"""Loading weights without what the libraries say beside: bars, warnings, reports."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Iterator
from typing import Any

__all__ = ["quiet"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers and the hub's client for a while; an error is told by who catches it.

    Their settings are the process's, so afterwards they are as before.
    """
    of_hub: Any = importlib.import_module("huggingface_hub.utils")
    of_library: Any = importlib.import_module("transformers.utils.logging")
    logs = of_library, of_hub.logging
    verbosities = [log.get_verbosity() for log in logs]
    bars = of_library.is_progress_bar_enabled(), not of_hub.are_progress_bars_disabled()
    try:
        for log in logs:
            log.set_verbosity(logging.CRITICAL)
        # this switch of the library turns the hub's too
        of_library.disable_progress_bar()
        yield
    finally:
        for log, verbosity in zip(logs, verbosities, strict=True):
            log.set_verbosity(verbosity)
        if bars[0]:
            of_library.enable_progress_bar()
        (of_hub.enable_progress_bars if bars[1] else of_hub.disable_progress_bars)()
