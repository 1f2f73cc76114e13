"""Waiting for a card without waiting for ever.

PyBuda's calls neither raise nor return an error when a device fails: they set a
flag, and nothing arrives any more. A device that hangs does not even set the
flag.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import pybuda

from ttbench_core.errors import SessionError

__all__ = ["DeviceFailedError", "DeviceHangsError", "Outlet", "bounded", "check", "shut_down"]

#: How often the flag is looked at while nothing arrives.
_POLL_S: Final = 0.25
#: How long ending a pipeline may take that has failed: what it waits for may never come.
_SHUTDOWN_S: Final = 10.0


class DeviceFailedError(SessionError):
    """PyBuda says that a device has failed."""


class DeviceHangsError(SessionError):
    """A device gives no sign of life."""


class Outlet:
    """Where outputs arrive.

    Args:
        arrivals: PyBuda's queue.
        patience_s: seconds without an arrival after which the device counts as hung.
    """

    def __init__(self, arrivals: Any, patience_s: float) -> None:
        self._arrivals: Final = arrivals
        self._patience_s: Final = patience_s

    def take(self) -> Any:
        """Wait for the next item.

        Raises `DeviceFailedError` and `DeviceHangsError`.
        """
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return self._arrivals.get(timeout=min(_POLL_S, self._patience_s))
            except queue.Empty:
                check()
                if time.monotonic() >= deadline:
                    raise DeviceHangsError(
                        f"nothing arrived from the device for {self._patience_s:g} s: it hangs,"
                        " and may need a reset (tt-smi); a longer --timeout waits longer"
                    ) from None


def check() -> None:
    """Raise `DeviceFailedError` if a device has failed."""
    if pybuda.error_raised():
        raise DeviceFailedError("PyBuda raised an error on the device; its own messages say which")


def bounded(action: Callable[[], object], patience_s: float, what: str) -> None:
    """Call what can block without end, in a thread that is left behind if it does.

    Raises `DeviceHangsError` then, and what the action raises.
    """
    raised: list[BaseException] = []

    def act() -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
            raised.append(error)

    thread = threading.Thread(target=act, name=f"ttbench-{what}", daemon=True)
    thread.start()
    thread.join(patience_s)
    if thread.is_alive():
        raise DeviceHangsError(f"{what} did not return within {patience_s:g} s")
    if raised:
        raise raised[0]


def shut_down(patience_s: float = _SHUTDOWN_S) -> bool:
    """End the pipeline and forget it; say whether that went through.

    A pipeline that failed or hangs is left to the end of the process. One that did not may
    take its time: the card's traces are written here.

    Args:
        patience_s: how long one that did not fail may take.

    Raises what PyBuda raises for one that had not failed before.
    """
    failed = pybuda.error_raised()
    try:
        bounded(pybuda.shutdown, _SHUTDOWN_S if failed else patience_s, "ending the pipeline")
    except DeviceHangsError:
        return False
    except Exception:
        if not failed:
            raise
        return False
    pybuda.pybuda_reset()
    return True
