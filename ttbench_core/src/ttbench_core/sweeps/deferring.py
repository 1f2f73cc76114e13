"""Signals that wait until something is finished: a record that is stored must be stored once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

__all__ = ["deferred_signals"]

_DEFERRED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def deferred_signals() -> Iterator[None]:
    """Handle the first signal that would end this process after the block; a second one at once.

    In a thread that is not the main one, which gets no signals, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    handled = {one: found for one in _DEFERRED if callable(found := signal.getsignal(one))}

    def note(number: int, frame: FrameType | None) -> None:
        came.append((number, frame))
        if len(came) > 1:
            handled[signal.Signals(number)](number, frame)

    for one in handled:
        signal.signal(one, note)
    try:
        yield
    finally:
        for one, handler in handled.items():
            signal.signal(one, handler)
    if len(came) == 1:
        number, frame = came[0]
        handled[signal.Signals(number)](number, frame)
