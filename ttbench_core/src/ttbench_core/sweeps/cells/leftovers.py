"""Processes that a cell has left behind, found by a mark in their environment."""

from __future__ import annotations

import contextlib
from typing import Final

import psutil

__all__ = ["MARK", "kill_marked"]

#: The variable that every process of a cell inherits; its value is the cell's own.
MARK: Final = "TTBENCH_CELL_PROCESS"


def kill_marked(value: str) -> int:
    """Kill every process that has the mark with a value; return how many there were.

    A process that a model has started, or that lost its parent, would run beside the next cell.
    """
    killed = 0
    for process in psutil.process_iter():
        # of other users' processes the environment cannot be read, and they are none of ours
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == value:
                process.kill()
                killed += 1
    return killed
