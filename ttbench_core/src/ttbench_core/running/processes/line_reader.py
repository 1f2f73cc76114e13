"""Lines from a pipe, with a timeout."""

from __future__ import annotations

import os
import select
import time
from typing import Final

from ttbench_core.errors import SessionError

__all__ = ["HungProcessError", "LineReader"]

_CHUNK_BYTES: Final = 1 << 16


class HungProcessError(SessionError):
    """A process sent nothing within the time that it had."""


class LineReader:
    """Reads a pipe line by line.

    Args:
        descriptor: the reading end; closed with this.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: Final = descriptor
        self._buffer = b""
        self._closed = False

    def next(self, timeout_s: float | None = None) -> str | None:
        """Wait for the next whole line, without using CPU time; None at the end.

        Raises `HungProcessError` when so many seconds went by without one.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not select.select([self._descriptor], [], [], left)[0]:
                raise HungProcessError(f"gave no sign of life for {timeout_s:g} s")
            chunk = os.read(self._descriptor, _CHUNK_BYTES)
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("ascii")

    def close(self) -> None:
        """Close the pipe; may be called twice."""
        if not self._closed:
            self._closed = True
            os.close(self._descriptor)
