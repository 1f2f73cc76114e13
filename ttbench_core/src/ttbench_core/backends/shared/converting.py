"""Converting an exported graph into that of an engine, and saying what an engine cannot run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from ttbench_core.errors import TtbenchError, UnsupportedOptionError, one_line
from ttbench_core.models.exported.quiet import quiet_conversion

__all__ = ["converting"]

#: What OpenVINO writes before the short form of its report.
_SUMMARY: Final = "Summary: "
_MAX_REASON: Final = 300


@contextlib.contextmanager
def converting(engine: str) -> Iterator[None]:
    """Convert or load quietly; raises `UnsupportedOptionError` with the reason where it cannot be.

    What says nothing of the model passes: errors of ttbench, a full disk, and too little memory.

    Args:
        engine: its name, for people.
    """
    try:
        with quiet_conversion():
            yield
    except (TtbenchError, OSError, MemoryError):
        raise
    except Exception as error:
        whole = one_line(error)
        reason = whole.rpartition(_SUMMARY)[2].removeprefix("-- ")[:_MAX_REASON]
        raise UnsupportedOptionError(
            f"{engine} cannot convert the device stage ({reason}); backend 'torch' runs it as it is"
        ) from error
