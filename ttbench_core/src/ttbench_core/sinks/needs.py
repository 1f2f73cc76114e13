"""Libraries that only some sinks need, imported when one is used."""

from __future__ import annotations

import importlib
from typing import Any

from ttbench_core.errors import TargetError, one_line

__all__ = ["library"]


def library(name: str, *, extra: str) -> Any:
    """Import a library of an extra; raises `TargetError` that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if error.name != name.partition(".")[0]:
            raise TargetError(f"cannot import {name}: {one_line(error)}") from error
        raise TargetError(
            f"it needs {name.partition('.')[0]}, which is not installed:"
            f" pip install 'ttbench-core[{extra}]'"
        ) from error
