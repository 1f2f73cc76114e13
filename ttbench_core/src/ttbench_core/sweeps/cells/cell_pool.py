"""The cells that run now on this machine: started where their device is free, followed, ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import wait
from typing import Final

from ttbench_core.sweeps.cell_runner import Ended
from ttbench_core.sweeps.cells.cell_process import GRACE_S
from ttbench_core.sweeps.cells.placed_cell import (
    CellSetting,
    NotStarted,
    PlacedCell,
    place_cell,
    reason_to_wait,
)
from ttbench_core.sweeps.cells.placing import Placement, placements
from ttbench_core.sweeps.schedule import CellRun

__all__ = ["CellPool"]

_POLL_S: Final = 0.2


class CellPool:
    """At most so many cells at once on this machine, each on a device of its own: a `CellRunner`.

    Args:
        setting: of the processes of cells.
        jobs: how many run at once.
        owner: what others are told who wait for the same device.
    """

    def __init__(self, setting: CellSetting, *, jobs: int, owner: str) -> None:
        self.launch: Mapping[str, str] | None = None
        self._setting: Final = setting
        self._jobs: Final = jobs
        self._owner: Final = owner
        self._running: Final[list[tuple[CellRun, PlacedCell]]] = []

    @property
    def runs(self) -> tuple[CellRun, ...]:
        """The cells that run."""
        return tuple(run for run, _ in self._running)

    @property
    def started(self) -> tuple[CellRun, ...]:
        """The cells that run: none is queued."""
        return self.runs

    def lane(self, run: CellRun) -> None:
        """Cells start in their order: a device that is free does not let a later one go first."""

    def start(self, run: CellRun) -> Ended | bool:
        """Start a cell if there is room, and its device is free.

        Returns whether it was started, or how it ended where no process could be started.
        """
        if len(self._running) >= self._jobs:
            return False
        started = place_cell(self._placements(run), self._setting)
        if isinstance(started, NotStarted):
            return Ended(run, 0.0, {"status": "failed", "crash": started.reason})
        if started is not None:
            self._running.append((run, started))
        return started is not None

    def reason_to_wait(self, run: CellRun) -> str:
        """Say who has the device of a cell."""
        return reason_to_wait(self._placements(run))

    def ended(self) -> list[Ended]:
        """Wait a moment for cells that end; kill those that do not keep their limit."""
        ready = wait([cell.fileno() for _, cell in self._running], timeout=_POLL_S)
        found = [one for one in self._running if one[1].fileno() in ready]
        for one in self._running:
            if one not in found:
                one[1].keep_limit()
        return [self._end(one) for one in found]

    def interrupt(self) -> Iterator[Ended]:
        """End all cells as Ctrl-C does, each with its record; kill those that take too long."""
        for _, cell in self._running:
            cell.interrupt()
        deadline_s = time.monotonic() + GRACE_S
        try:
            while self._running and time.monotonic() < deadline_s:
                yield from self.ended()
        finally:
            self.kill()

    def kill(self) -> None:
        """End all cells at once."""
        for _, cell in self._running:
            cell.kill()
        while self._running:
            self._end(self._running[0])

    def _placements(self, run: CellRun) -> Iterator[Placement]:
        beside = [one.cell.label for one in self.runs]
        return placements(run.request(beside), run.cell.devices, self._jobs, self._owner)

    def _end(self, one: tuple[CellRun, PlacedCell]) -> Ended:
        run, cell = one
        facts = cell.end()
        self._running.remove(one)
        return Ended(run, cell.seconds, facts)
