"""The deadline of the engine call in progress: a call that never returns can be noticed.

A backend sets the deadline before a call that may block without end. A
watchdog thread of the measuring process checks it and reports an overdue call
to the parent process, which can end this one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

__all__ = ["CALL_DEADLINE", "CallDeadline"]


class CallDeadline:
    """The engine call in progress, and the time when it becomes overdue."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._action = ""
        self._timeout_s = 0.0
        self._deadline_s: float | None = None

    @contextlib.contextmanager
    def within(self, timeout_s: float, action: str) -> Iterator[None]:
        """Give a context that is overdue if it lasts longer than the timeout.

        Args:
            timeout_s: seconds that the context may last.
            action: what happens in it, for `overdue`.
        """
        with self._lock:
            self._action, self._timeout_s = action, timeout_s
            self._deadline_s = time.monotonic() + timeout_s
        try:
            yield
        finally:
            self._deadline_s = None

    def overdue(self) -> str | None:
        """Describe the call that is overdue; None if no call is."""
        with self._lock:
            if self._deadline_s is None or time.monotonic() < self._deadline_s:
                return None
            return f"{self._action} did not return within {self._timeout_s:g} s"


#: The deadline of this process: it has one engine call at a time.
CALL_DEADLINE = CallDeadline()
