"""A cell's process on the device that it has to itself, with its time limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.errors import one_line
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.cells.cell_process import GRACE_S, CellProcess, ProcessHome
from ttbench_core.sweeps.cells.cell_worker import order_of
from ttbench_core.sweeps.cells.host_locks import HostLock
from ttbench_core.sweeps.cells.placing import Placement

__all__ = ["CellSetting", "NotStarted", "PlacedCell", "place_cell", "reason_to_wait"]


@dataclass(frozen=True)
class CellSetting:
    """What the processes of cells have in common."""

    #: Where they store their records; None where these are sent back.
    targets: Sequence[Target] | None
    #: Seconds that a cell may take; None is no limit.
    timeout_s: float | None
    #: Locks that they hold, too.
    held: Sequence[HostLock] = ()
    #: See `CellProcess`.
    home: ProcessHome | None = None


@dataclass(frozen=True)
class NotStarted:
    """Why no process could be started."""

    reason: str


class PlacedCell:
    """A cell that runs on its device; `place_cell` starts it."""

    def __init__(self, placement: Placement, process: CellProcess, timeout_s: float | None) -> None:
        self._placement: Final = placement
        self._process: Final = process
        self._limit_s: Final = None if timeout_s is None else timeout_s + GRACE_S
        self._is_killed = False

    def fileno(self) -> int:
        """Give what becomes readable when it has ended."""
        return self._process.fileno()

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return self._process.seconds

    def keep_limit(self) -> None:
        """Kill it if it does not keep its time limit by itself."""
        if self._limit_s is not None and self.seconds > self._limit_s:
            self._is_killed = True
            self._process.kill()

    def interrupt(self) -> None:
        """Let it end as after Ctrl-C, with its record."""
        self._process.interrupt()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self) -> dict[str, Any]:
        """Wait for what came of it, and give its device back; `crash` has the reason of a crash."""
        facts = self._process.outcome()
        self._placement.release()
        if self._is_killed and "crash" in facts:
            facts["crash"] = f"it did not end within {self._limit_s:g} s, and was killed"
        return facts


def place_cell(places: Iterable[Placement], setting: CellSetting) -> PlacedCell | NotStarted | None:
    """Start a cell on the first device that is free.

    Args:
        places: where it may run, the first choice first.
        setting: of its process.

    Returns None where no device is free.
    """
    for placement in places:
        if placement.take():
            return _started(placement, setting)
    return None


def reason_to_wait(places: Iterable[Placement]) -> str:
    """Say who has the devices that a cell may run on."""
    locks = [lock for placement in places for lock in placement.locks]
    holder = next((found for lock in locks if (found := lock.holder())), "another process")
    return f"waiting for {' or '.join(sorted({one.name for one in locks}))}: used by {holder}"


def _started(placement: Placement, setting: CellSetting) -> PlacedCell | NotStarted:
    order: Mapping[str, Any] = order_of(placement.request, setting.targets, setting.timeout_s)
    held = [lock.fileno() for lock in (*placement.locks, *setting.held)]
    try:
        process = CellProcess(order, held, setting.home)
    except OSError as error:
        placement.release()
        return NotStarted(f"no process could be started: {one_line(error)}")
    return PlacedCell(placement, process, setting.timeout_s)
