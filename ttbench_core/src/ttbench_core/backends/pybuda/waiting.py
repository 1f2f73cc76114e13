"""Waiting for a card with a timeout.

PyBuda's calls neither raise nor return an error when a device fails: they set a
flag, and no more outputs arrive. Reading an output of a program that was started
is tried ten times for a second each, and then is such a failure. A device that
hangs earlier, such as in a call of the runtime, does not even set the flag.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import pybuda

from ttbench_core.errors import SessionError

__all__ = [
    "DeviceFailedError",
    "DeviceHangsError",
    "OutputQueue",
    "call_with_timeout",
    "raise_device_failure",
    "shut_down_pipeline",
]

#: How often the failure flag is read while no output arrives.
_POLL_S: Final = 0.25
#: How long ending a failed pipeline may take: what it waits for may never come.
_SHUTDOWN_TIMEOUT_S: Final = 10.0


class DeviceFailedError(SessionError):
    """PyBuda reports that a device has failed."""


class DeviceHangsError(SessionError):
    """A device does not respond within the timeout."""


class OutputQueue:
    """The queue of a pipeline's outputs.

    Args:
        arrivals: PyBuda's queue.
        timeout_s: seconds without an arrival after which the device counts as hung.
    """

    def __init__(self, arrivals: Any, timeout_s: float) -> None:
        self._arrivals: Final = arrivals
        self._timeout_s: Final = timeout_s

    def get(self) -> Any:
        """Wait for the next item.

        Raises `DeviceFailedError` and `DeviceHangsError`.
        """
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                return self._arrivals.get(timeout=min(_POLL_S, self._timeout_s))
            except queue.Empty:
                raise_device_failure()
                if time.monotonic() >= deadline:
                    raise DeviceHangsError(
                        f"nothing arrived from the device for {self._timeout_s:g} s: it hangs,"
                        " and may need a reset (tt-smi); a longer --timeout waits longer"
                    ) from None


def raise_device_failure() -> None:
    """Raise `DeviceFailedError` if a device has failed."""
    if pybuda.error_raised():
        raise DeviceFailedError(
            "PyBuda raised an error on the device; its own messages say which (it gives up an"
            " output after 10 s, whatever --timeout says)"
        )


def call_with_timeout(function: Callable[[], object], timeout_s: float, action: str) -> None:
    """Call a function that may block without end, in a thread that is abandoned if it does.

    Args:
        function: to call.
        timeout_s: seconds that it may take.
        action: what it does, for the message.

    Raises `DeviceHangsError` after the timeout, and what the function raises.
    """
    raised: list[BaseException] = []

    def call() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
            raised.append(error)

    thread = threading.Thread(target=call, name=f"ttbench-{action}", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise DeviceHangsError(f"{action} did not return within {timeout_s:g} s")
    if raised:
        raise raised[0]


def shut_down_pipeline(timeout_s: float = _SHUTDOWN_TIMEOUT_S) -> bool:
    """End the pipeline and reset PyBuda; give whether that succeeded.

    A pipeline that failed or hangs is left until the process ends. A healthy one may take
    long: the card's traces are written here.

    Args:
        timeout_s: how long a healthy pipeline may take.

    Raises what PyBuda raises for a pipeline that had not failed before.
    """
    failed = pybuda.error_raised()
    try:
        call_with_timeout(
            pybuda.shutdown, _SHUTDOWN_TIMEOUT_S if failed else timeout_s, "ending the pipeline"
        )
    except DeviceHangsError:
        return False
    except Exception:
        if not failed:
            raise
        return False
    pybuda.pybuda_reset()
    return True
