"""Libraries of optional extras, imported when a sink or a report needs them."""

from __future__ import annotations

import importlib
from typing import Any

from ttbench_core.errors import TargetError, one_line

__all__ = ["import_library", "missing_library"]


def import_library(name: str, *, extra: str) -> Any:
    """Import a library of an extra; raises `TargetError` with the command that installs it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if error.name != name.partition(".")[0]:
            raise TargetError(f"cannot import {name}: {one_line(error)}") from error
        raise missing_library(error.name, extra=extra) from error


def missing_library(name: str | None, *, extra: str) -> TargetError:
    """Return the error for a library that is not installed, with the extra that installs it."""
    return TargetError(
        f"it needs {name}, which is not installed: pip install 'ttbench-core[{extra}]'"
    )
