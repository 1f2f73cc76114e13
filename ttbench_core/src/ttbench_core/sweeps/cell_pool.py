"""The cells that run now: started where their device is free, followed, ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Final

from ttbench_core.errors import one_line
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.cell_process import GRACE_S, CellProcess
from ttbench_core.sweeps.cell_runner import Ended
from ttbench_core.sweeps.cell_worker import order_of
from ttbench_core.sweeps.host_locks import HostLock
from ttbench_core.sweeps.placing import Placement, placements
from ttbench_core.sweeps.schedule import CellRun

__all__ = ["CellPool"]

_POLL_S: Final = 0.2


@dataclass
class _Running:
    run: CellRun
    process: CellProcess
    placement: Placement
    is_killed: bool = False


class CellPool:
    """At most so many cells at once on this machine, each on a device of its own: a `CellRunner`.

    Args:
        targets: that cells store their records in.
        jobs: how many run at once.
        timeout_s: seconds that a cell may take; None is no limit.
        owner: what others are told who wait for the same device.
        held: locks that the processes of cells hold, too.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        jobs: int,
        timeout_s: float | None,
        owner: str,
        held: Sequence[HostLock] = (),
    ) -> None:
        self._targets: Final = targets
        self._jobs: Final = jobs
        self._timeout_s: Final = timeout_s
        self._owner: Final = owner
        self._held: Final = held
        self._running: Final[list[_Running]] = []

    @property
    def runs(self) -> tuple[CellRun, ...]:
        """The cells that run."""
        return tuple(one.run for one in self._running)

    def lane(self, run: CellRun) -> None:
        """Cells start in their order: a device that is free does not let a later one go first."""

    def start(self, run: CellRun) -> Ended | bool:
        """Start a cell if there is room, and its device is free.

        Returns whether it was started, or how it ended where no process could be started.
        """
        if len(self._running) >= self._jobs:
            return False
        for placement in self._placements(run):
            if placement.take():
                return self._started(run, placement)
        return False

    def reason_to_wait(self, run: CellRun) -> str:
        """Say who has the device of a cell."""
        locks = [lock for placement in self._placements(run) for lock in placement.locks]
        holder = next((found for lock in locks if (found := lock.holder())), "another process")
        return f"waiting for {' or '.join(sorted({one.name for one in locks}))}: used by {holder}"

    def ended(self) -> list[Ended]:
        """Wait a moment for cells that end; kill those that do not keep their limit."""
        ready = wait([one.process.fileno() for one in self._running], timeout=_POLL_S)
        found = [one for one in self._running if one.process.fileno() in ready]
        for one in self._running:
            limit_s = self._limit_s
            if one not in found and limit_s is not None and one.process.seconds > limit_s:
                one.is_killed = True
                one.process.kill()
        return [self._end(one) for one in found]

    def interrupt(self) -> Iterator[Ended]:
        """End all cells as Ctrl-C does, each with its record; kill those that take too long."""
        for one in self._running:
            one.process.interrupt()
        deadline_s = time.monotonic() + GRACE_S
        try:
            while self._running and time.monotonic() < deadline_s:
                yield from self.ended()
        finally:
            self.kill()

    def kill(self) -> None:
        """End all cells at once."""
        for one in self._running:
            one.process.kill()
        while self._running:
            self._end(self._running[0])

    @property
    def _limit_s(self) -> float | None:
        """Give when a process that does not keep its own limit is killed."""
        return None if self._timeout_s is None else self._timeout_s + GRACE_S

    def _placements(self, run: CellRun) -> Iterator[Placement]:
        beside = [one.cell.label for one in self.runs]
        return placements(run.request(beside), run.cell.devices, self._jobs, self._owner)

    def _started(self, run: CellRun, placement: Placement) -> Ended | bool:
        order = order_of(placement.request, self._targets, self._timeout_s)
        held = [lock.fileno() for lock in (*placement.locks, *self._held)]
        try:
            process = CellProcess(order, held)
        except OSError as error:
            placement.release()
            reason = f"no process could be started: {one_line(error)}"
            return Ended(run, 0.0, {"status": "failed", "crash": reason})
        self._running.append(_Running(run, process, placement))
        return True

    def _end(self, one: _Running) -> Ended:
        facts = one.process.outcome()
        self._running.remove(one)
        one.placement.release()
        if one.is_killed and "crash" in facts:
            facts["crash"] = f"it did not end within {self._limit_s:g} s, and was killed"
        return Ended(one.run, one.process.seconds, facts)
