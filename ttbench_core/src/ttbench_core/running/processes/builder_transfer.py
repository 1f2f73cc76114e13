"""Builders of the user's own on their way to another process, which cannot find them by name."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from ttbench_core.errors import OptionError, one_line

__all__ = ["pack_builder", "unpack_builder"]


def pack_builder(builder: Callable[..., Any]) -> str:
    """Give a builder as text; raises `OptionError` where it cannot be pickled."""
    try:
        import cloudpickle
    except ImportError as error:
        raise OptionError(
            "several processes and a builder of your own need cloudpickle:"
            " pip install 'ttbench-core[notebook]'"
        ) from error
    try:
        packed: bytes = cloudpickle.dumps(builder)
    except Exception as error:
        raise OptionError(
            f"this builder cannot be brought to another process ({one_line(error)}):"
            " build everything that it needs inside it"
        ) from error
    return base64.b64encode(packed).decode("ascii")


def unpack_builder(text: str) -> Any:
    """Give back a builder; only for text of this process's own parent."""
    import cloudpickle

    return cloudpickle.loads(base64.b64decode(text))
