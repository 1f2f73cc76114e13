"""A limit of wall-clock time on a part of the main thread's work."""

from __future__ import annotations

import signal
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TimeLimit"]


class TimeLimit:
    """Raises `KeyboardInterrupt` in the main thread when a block takes too long.

    What handles Ctrl-C well ends well then, too. `is_over` tells the two apart.

    Args:
        limit_s: seconds; None is no limit.
    """

    def __init__(self, limit_s: float | None) -> None:
        #: Whether the limit was exceeded.
        self.is_over = False
        self._is_inside = False
        self._changing: Final = threading.Lock()
        self._timer: Final = None if limit_s is None else threading.Timer(limit_s, self._interrupt)

    def _interrupt(self) -> None:
        with self._changing:
            if self._is_inside:
                self.is_over = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def __enter__(self) -> Self:
        self._is_inside = True
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        with self._changing:
            self._is_inside = False
        if self.is_over and kind is None:
            # the signal came between the end of the block and here: it is raised at once
            time.sleep(0)
