"""Waiting for another process, but not for ever."""

from __future__ import annotations

import time
from typing import Final

from ttbench_core.errors import TargetError

__all__ = ["Deadline"]

_POLL_S: Final = 0.02


class Deadline:
    """A time until which something is tried again.

    Args:
        timeout_s: seconds from now.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s: Final = timeout_s
        self._end_s: Final = time.monotonic() + timeout_s

    def __str__(self) -> str:
        return f"{self._timeout_s:g} s"

    def wait(self, complaint: str) -> None:
        """Sleep until the next try; raises `TargetError` with the complaint if time is up."""
        if time.monotonic() >= self._end_s:
            raise TargetError(complaint)
        time.sleep(_POLL_S)
