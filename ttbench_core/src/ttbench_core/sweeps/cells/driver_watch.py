"""The end of a process of a cell whose driver has ended, as by SIGKILL."""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

from ttbench_core.sweeps.cells.leftovers import MARK, end_started

__all__ = ["ENDING_SIGNALS", "DriverWatch"]

ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class DriverWatch:
    """Ends this process with its driver, which holds the other end of stdin.

    What this process has started ends before it: it holds the locks of the sweep and of its
    device, and another cell may begin as soon as they are free.
    """

    def __init__(self) -> None:
        self._mark: Final = os.environ.get(MARK)
        self._has_ended: Final = threading.Event()
        self._thread: Final = threading.Thread(
            target=self._wait, name="ttbench-driver", daemon=True
        )

    def start(self) -> None:
        """Begin; stdin is not read by anybody else from now on."""
        self._thread.start()

    def end_if_ended(self) -> None:
        """Wait for the end of this process if its driver has ended; of the main thread alone.

        What came of the cell may then tell only that its processes were killed.
        """
        if self._has_ended.is_set():
            for number in ENDING_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            self._thread.join()

    def _wait(self) -> None:
        # not through sys.stdin, whose lock a thread must not hold when the interpreter ends
        with open(os.dup(0), "rb", buffering=0) as lines:  # noqa: PTH123 - a descriptor
            lines.read()
        self._has_ended.set()
        try:
            end_started(self._mark)
        finally:
            os._exit(1)
