"""What an engine must be done with by when: a call into it that never returns can be noticed.

An engine's backend says before such a call how long it may take; a thread of
the process that measures looks, and tells the parent, which can end it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

__all__ = ["LIFELINE", "Lifeline"]


class Lifeline:
    """The call that is under way, and when it is overdue."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._what = ""
        self._patience_s = 0.0
        self._until_s: float | None = None

    @contextlib.contextmanager
    def within(self, patience_s: float, what: str) -> Iterator[None]:
        """Say that what happens within this context takes so many seconds at most."""
        with self._lock:
            self._what, self._patience_s = what, patience_s
            self._until_s = time.monotonic() + patience_s
        try:
            yield
        finally:
            self._until_s = None

    def overdue(self) -> str | None:
        """Give what is overdue, in words; None where nothing is."""
        with self._lock:
            if self._until_s is None or time.monotonic() < self._until_s:
                return None
            return f"{self._what} did not return within {self._patience_s:g} s"


#: That of this process.
LIFELINE = Lifeline()
