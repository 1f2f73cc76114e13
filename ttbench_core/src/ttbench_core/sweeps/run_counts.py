"""How many runs of a sweep have ended and how; which are left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Final

from ttbench_core.sweeps.journal.journal import Journal
from ttbench_core.sweeps.progress.cell_times import CellTimes
from ttbench_core.sweeps.progress.progress import SweepState
from ttbench_core.sweeps.schedule import CellRun, Schedule

__all__ = ["RunCounts"]

#: Running cells that are named, for those who watch and for heartbeats.
_MAX_NAMED: Final = 4096


class RunCounts:
    """Counts runs; every call takes the same time, however many runs there are.

    Args:
        schedule: what is to be run.
        journal: what is known of earlier times.
    """

    def __init__(self, schedule: Schedule, journal: Journal) -> None:
        wanted = [run.cell.key for run in schedule.wanted]
        self._left: Final = Counter(wanted)
        self._left.update(run.cell.key for run in schedule.to_refuse)
        self._total_left = self._left.total()
        self._times: Final = CellTimes(journal.seconds_by_cell(), wanted)
        self._ended: Final = {
            "ok": schedule.done,
            "failed": schedule.failed,
            "refused": schedule.refused,
        }

    def is_left(self, run: CellRun) -> bool:
        """Return whether a run is still to be made: not where its cell has failed meanwhile."""
        return self._left[run.cell.key] > 0

    def add(self, run: CellRun, status: str, seconds: float) -> None:
        """Count a run that has ended; a cell that gave no number fails in all further rounds."""
        if status not in self._ended:
            return
        self._ended[status] += 1
        key = run.cell.key
        # of one that failed meanwhile, nothing is left
        dropped = min(1, self._left[key]) if status == "ok" else self._left[key]
        self._left[key] -= dropped
        self._total_left -= dropped
        if run.cell.refused is None:
            self._times.drop(key, dropped)
        if not self._left[key]:
            del self._left[key]
        if status == "ok":
            self._times.add(key, seconds)

    def state(self, running: Iterable[CellRun] = ()) -> SweepState:
        """Give how far the sweep is.

        Args:
            running: what runs now.
        """
        return SweepState(
            total=self._total_left + sum(self._ended.values()),
            done=self._ended["ok"],
            failed=self._ended["failed"],
            refused=self._ended["refused"],
            running=tuple(run.cell.label for run in islice(running, _MAX_NAMED)),
            remaining=self._times.remaining(),
        )
