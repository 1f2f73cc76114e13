"""Lines from a pipe, with an end to the waiting."""

from __future__ import annotations

import os
import select
import time
from typing import Final

from ttbench_core.errors import SessionError

__all__ = ["Lines", "SilenceError"]

_CHUNK_BYTES: Final = 1 << 16


class SilenceError(SessionError):
    """Nothing came within the time."""


class Lines:
    """Reads a pipe line by line.

    Args:
        descriptor: the reading end; closed with this.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: Final = descriptor
        self._held = b""
        self._closed = False

    def next(self, patience_s: float | None = None) -> str | None:
        """Wait for the next whole line, without using CPU time; None at the end.

        Raises `SilenceError` when so many seconds went by without one.
        """
        deadline = None if patience_s is None else time.monotonic() + patience_s
        while b"\n" not in self._held:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not select.select([self._descriptor], [], [], left)[0]:
                raise SilenceError(f"gave no sign of life for {patience_s:g} s")
            chunk = os.read(self._descriptor, _CHUNK_BYTES)
            if not chunk:
                return None
            self._held += chunk
        line, _, self._held = self._held.partition(b"\n")
        return line.decode("ascii")

    def close(self) -> None:
        """Close the pipe; may be called twice."""
        if not self._closed:
            self._closed = True
            os.close(self._descriptor)
