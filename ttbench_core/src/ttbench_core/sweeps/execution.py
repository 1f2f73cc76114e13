"""Running the cells of a sweep: each in a process of its own, in rounds, whatever a cell does."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core.errors import RequestError
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.cell_pool import CellPool, Ended
from ttbench_core.sweeps.cell_times import CellTimes
from ttbench_core.sweeps.host_locks import HostLock
from ttbench_core.sweeps.journal import Journal
from ttbench_core.sweeps.plan import Plan
from ttbench_core.sweeps.progress import (
    SILENT_SWEEP,
    CellOutcome,
    SweepObserver,
    SweepState,
)
from ttbench_core.sweeps.schedule import CellRun, schedule
from ttbench_core.sweeps.unmeasured import ended_record, refused_record

__all__ = ["Execution", "SweepOutcome", "execute"]

_POLL_S: Final = 0.2


@dataclass(frozen=True)
class Execution:
    """What is run, where to, and how."""

    plan: Plan
    #: Checked targets.
    targets: Sequence[Target]
    #: What they hold of this sweep.
    journal: Journal
    #: Statuses of rows that are run again: `failed`, `refused`.
    retry: Collection[str] = ()
    #: How many cells run at once, on different devices.
    jobs: int = 1
    #: Locks that the processes of cells hold too, until they have ended.
    held: Sequence[HostLock] = ()


@dataclass
class SweepOutcome:
    """How a sweep ended."""

    state: SweepState
    #: What came of each cell that ran or was refused this time.
    outcomes: list[CellOutcome] = field(default_factory=list)
    #: Cells whose outputs are wrong, of this time or an earlier one.
    wrong: list[str] = field(default_factory=list)
    #: Whether Ctrl-C ended it before its last cell.
    is_interrupted: bool = False

    @property
    def not_stored(self) -> list[str]:
        """Why records are not in every target."""
        return [one.not_stored for one in self.outcomes if one.not_stored]

    @property
    def has_failed(self) -> bool:
        """Whether a cell failed, this time or earlier, has wrong outputs, or was not stored."""
        return bool(self.state.failed or self.not_stored or self.wrong)


def execute(
    asked: Execution, observer: SweepObserver = SILENT_SWEEP, notes: Sequence[str] = ()
) -> SweepOutcome:
    """Run what is left of a plan, and store a record for each cell and round.

    A cell that fails, hangs, is killed or runs out of memory is a record, and the next one
    follows. After Ctrl-C the records of the cells that ran are kept, and count as not done.

    Args:
        asked: what is run.
        observer: is shown what happens.
        notes: sentences that it is shown first.
    """
    running = _Running(asked, observer)
    observer.began(notes, running.outcome.state)
    try:
        running.run()
        running.refuse()
    except KeyboardInterrupt:
        running.interrupt()
    finally:
        running.pool.kill()
    return running.outcome


class _Running:
    """A sweep that runs."""

    def __init__(self, asked: Execution, observer: SweepObserver) -> None:
        sweep = asked.plan.sweep
        self._targets: Final = asked.targets
        self._observer: Final = observer
        self._schedule: Final = schedule(asked.plan, asked.journal, asked.retry)
        #: What has not ended, also what runs.
        self._left: Final = [*self._schedule.to_refuse, *self._schedule.wanted]
        self._times: Final = CellTimes(asked.journal.seconds_by_cell())
        self._counts: Final = {
            "ok": self._schedule.done,
            "failed": self._schedule.failed,
            "refused": self._schedule.refused,
        }
        self.pool: Final = CellPool(
            asked.targets,
            jobs=asked.jobs,
            timeout_s=sweep.cell_timeout_s,
            owner=f"sweep {sweep.name}",
            held=asked.held,
        )
        keys = {cell.key for cell in asked.plan.cells}
        self.outcome: Final = SweepOutcome(self._state(), wrong=asked.journal.wrong_labels(keys))

    def run(self) -> None:
        """Run every cell that is left, in its order."""
        for run in self._schedule.wanted:
            self._start_when_free(run)
        while self.pool.runs:
            self._finish_ended()

    def refuse(self) -> None:
        """Store a row for each cell that is refused before it runs."""
        for run in self._schedule.to_refuse:
            reason = run.cell.refused or ""
            stored = self._stored(refused_record(run.request(), RequestError(reason)))
            self._add(run, 0.0, {"status": "refused", "reason": reason, "not_stored": stored})

    def interrupt(self) -> None:
        """End the cells that run as Ctrl-C does, each with its record."""
        self.outcome.is_interrupted = True
        for ended in self.pool.interrupt():
            self._finish(ended)

    def _start_when_free(self, run: CellRun) -> None:
        """Start a cell as soon as its device is free, unless it has failed in an earlier round."""
        is_told = False
        while run in self._left:
            started = self.pool.start(run)
            if isinstance(started, Ended):
                self._finish(started)
            elif started:
                self._observer.started(self._state())
            elif self.pool.runs:
                self._finish_ended()
                continue
            else:
                if not is_told:
                    self._observer.waiting(self.pool.reason_to_wait(run))
                is_told = True
                time.sleep(_POLL_S)
                continue
            return

    def _finish_ended(self) -> None:
        for ended in self.pool.ended():
            self._finish(ended)

    def _finish(self, ended: Ended) -> None:
        facts: dict[str, Any] = ended.facts
        if "crash" in facts:
            reason = str(facts["crash"])
            if self.outcome.is_interrupted:
                facts = {"status": "interrupted", "reason": reason}
            else:
                stored = self._stored(ended_record(ended.run.request(), reason))
                facts = {"status": "failed", "reason": reason, "not_stored": stored}
        self._add(ended.run, ended.seconds, facts)

    def _stored(self, record: Result) -> str | None:
        """Store a record; give why it is not in every target."""
        try:
            store_result(record, *self._targets)
        except ResultNotStoredError as lost:
            return str(lost)
        return None

    def _add(self, run: CellRun, seconds: float, facts: Mapping[str, Any]) -> None:
        found = CellOutcome.of(run.cell.label, run.round, seconds, facts)
        if found.status in self._counts:
            self._counts[found.status] += 1
            self._drop(run, all_rounds=found.status != "ok")
        if found.status == "ok":
            self._times.add(run.cell.key, seconds)
        if not found.outputs_are_right and found.label not in self.outcome.wrong:
            self.outcome.wrong.append(found.label)
        self.outcome.outcomes.append(found)
        self.outcome.state = self._state()
        self._observer.ended(found, self.outcome.state)

    def _drop(self, run: CellRun, *, all_rounds: bool) -> None:
        """Take a run off what is left; with all its rounds, which would fail in the same way."""
        self._left[:] = [
            one
            for one in self._left
            if one is not run and not (all_rounds and one.cell.key == run.cell.key)
        ]

    def _state(self) -> SweepState:
        left = [run.cell.key for run in self._left if run.cell.refused is None]
        return SweepState(
            total=len(self._left) + sum(self._counts.values()),
            done=self._counts["ok"],
            failed=self._counts["failed"],
            refused=self._counts["refused"],
            running=tuple(run.cell.label for run in self.pool.runs),
            remaining=self._times.remaining(left),
        )
