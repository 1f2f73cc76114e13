"""Processes that a cell has left behind, found by a mark in their environment."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

import psutil

__all__ = ["MARK", "end_started", "kill_marked"]

#: The variable that every process of a cell inherits; its value is the cell's own.
MARK: Final = "TTBENCH_CELL_PROCESS"
#: How long one that was killed may take: that of a GPU gives back its memory first.
_GONE_S: Final = 10.0


def kill_marked(value: str) -> list[psutil.Process]:
    """Kill every other process that has the mark with a value; return them.

    A process that a model has started, or that lost its parent, would run beside the next cell.
    """
    return [one for one in _marked(value) if _kill(one)]


def end_started(value: str | None) -> None:
    """Kill what this process has started, and what has its mark; wait until all have ended.

    Args:
        value: of the mark of this process; None where it has none.
    """
    started = [one for one in psutil.Process().children(recursive=True) if _kill(one)]
    marked = [] if value is None else kill_marked(value)
    psutil.wait_procs({*started, *marked}, timeout=_GONE_S)


def _marked(value: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        # of other users' processes the environment cannot be read, and they are none of ours
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == value:
                yield process


def _kill(process: psutil.Process) -> bool:
    """Kill a process; return whether there was one to kill."""
    try:
        process.kill()
    except (psutil.Error, OSError):
        return False
    return True
