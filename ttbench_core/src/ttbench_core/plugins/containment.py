"""Running code of a plugin in this process, while it is imported or asked something."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TextIO

__all__ = ["contained"]


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Let what a plugin prints go to stderr, and an `os._exit` of it be a `SystemExit`.

    stdout may be for a program; and a process that a plugin could end would end without a word,
    with a code of success if the plugin says so. Other threads and forked processes still can.
    """
    _CONTAINMENT.enter()
    try:
        yield
    finally:
        _CONTAINMENT.leave()


class _Containment:
    """What is replaced in `os` and `sys` while at least one thread runs code of a plugin."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._threads: Final[Counter[int]] = Counter()
        self._pid = 0
        self._exit: Any = os._exit
        self._stdout: TextIO = sys.stdout

    def enter(self) -> None:
        """Begin for this thread; the first one replaces."""
        with self._lock:
            if not self._threads.total():
                self._pid, self._exit, self._stdout = os.getpid(), os._exit, sys.stdout
                os._exit, sys.stdout = self._raise_instead, sys.stderr
            self._threads[threading.get_ident()] += 1

    def leave(self) -> None:
        """End for this thread; the last one restores."""
        with self._lock:
            self._threads[threading.get_ident()] -= 1
            if not self._threads.total():
                os._exit, sys.stdout = self._exit, self._stdout

    def _raise_instead(self, status: int) -> NoReturn:
        if os.getpid() != self._pid or not self._threads[threading.get_ident()]:
            self._exit(status)
        raise SystemExit(f"called os._exit({status!r})")


_CONTAINMENT: Final = _Containment()
