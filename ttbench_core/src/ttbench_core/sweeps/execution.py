"""Running the cells of a sweep: each in a process of its own, in rounds, whatever a cell does."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core.errors import RequestError
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import ResultNotStoredError, RunInterrupted
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.cell_runner import CellRunner, Ended
from ttbench_core.sweeps.cells.cell_pool import CellPool
from ttbench_core.sweeps.cells.host_locks import HostLock
from ttbench_core.sweeps.cells.placed_cell import CellSetting
from ttbench_core.sweeps.cells.unmeasured import (
    ended_record,
    lost_record,
    of_another_machine,
    refused_record,
)
from ttbench_core.sweeps.deferring import deferred_signals
from ttbench_core.sweeps.journal.journal import Journal
from ttbench_core.sweeps.planning.plan import Plan
from ttbench_core.sweeps.progress.progress import (
    SILENT_SWEEP,
    CellOutcome,
    SweepObserver,
    SweepState,
)
from ttbench_core.sweeps.run_counts import RunCounts
from ttbench_core.sweeps.schedule import CellRun, schedule

__all__ = ["Execution", "SweepOutcome", "execute"]

_POLL_S: Final = 0.2
#: How often a run is tried that is lost with its machine.
_ATTEMPTS: Final = 2


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
    #: What runs the cells; None for processes of this machine.
    runner: CellRunner | None = None


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
        """Whether a cell failed, this time or earlier, is wrong, was not stored, or not run."""
        left = self.state.left and not self.is_interrupted
        return bool(self.state.failed or self.not_stored or self.wrong or left)


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
        running.runner.kill()
    return running.outcome


class _Running:
    """A sweep that runs."""

    def __init__(self, asked: Execution, observer: SweepObserver) -> None:
        plan = asked.plan
        found = schedule(plan, asked.journal, asked.retry)
        self._targets: Final = asked.targets
        self._observer: Final = observer
        self._to_refuse: Final = found.to_refuse
        self._counts: Final = RunCounts(found, asked.journal)
        self.runner: Final = asked.runner or _local(asked)
        self._lanes: Final[dict[Hashable, deque[CellRun]]] = {}
        for run in found.wanted:
            self._lanes.setdefault(self.runner.lane(run), deque()).append(run)
        self._told: CellRun | None = None
        self._is_hurried = False
        keys = {cell.key for cell in plan.cells}
        self.outcome: Final = SweepOutcome(
            self._counts.state(), wrong=asked.journal.wrong_labels(keys)
        )

    def run(self) -> None:
        """Run every cell that is left, each lane in its order."""
        while (first := self._start_all()) is not None or self.runner.runs:
            if self._is_hurried:
                raise KeyboardInterrupt
            if self.runner.runs:
                for ended in self.runner.ended():
                    self._finish(ended)
            elif first is not None:
                self._wait_for(first)

    def refuse(self) -> None:
        """Store a row for each cell that is refused before it runs."""
        for run in self._to_refuse:
            reason = run.cell.refused or ""
            record = self._placed(refused_record(run.request(), RequestError(reason)))
            stored = self._stored(record)
            self._add(run, 0.0, {"status": "refused", "reason": reason, "not_stored": stored})

    def interrupt(self) -> None:
        """End the cells that run as Ctrl-C does, each with its record."""
        self.outcome.is_interrupted = True
        for ended in self.runner.interrupt():
            self._finish(ended)

    def _start_all(self) -> CellRun | None:
        """Start the cells that there is room for; give the first one that waits, if any."""
        waiting = None
        for lane in self._lanes.values():
            while lane:
                run = lane.popleft()
                if not self._start(run):
                    lane.appendleft(run)
                    waiting = waiting or run
                    break
        return waiting

    def _start(self, run: CellRun) -> bool:
        """Start a cell unless it failed in an earlier round; return whether it waits no more."""
        if not self._counts.is_left(run):
            return True
        started = self.runner.start(run)
        if isinstance(started, Ended):
            self._finish(started)
        elif started:
            self._observer.started(self._state())
        return bool(started)

    def _wait_for(self, run: CellRun) -> None:
        if run is not self._told:
            self._observer.waiting(self.runner.reason_to_wait(run))
        self._told = run
        time.sleep(_POLL_S)

    def _finish(self, ended: Ended) -> None:
        facts, run = dict(ended.facts), ended.run
        if "crash" in facts:
            facts = self._crashed(ended)
        elif (record := facts.pop("record", None)) is not None:
            facts["not_stored"] = self._stored(record)
        if ended.is_lost and run.attempt < _ATTEMPTS and not self.outcome.is_interrupted:
            self._lanes[self.runner.lane(run)].appendleft(run.again(ended.node))
            facts["status"] = "lost"
        self._add(run, ended.seconds, facts)

    def _crashed(self, ended: Ended) -> dict[str, Any]:
        reason = str(ended.facts["crash"])
        if self.outcome.is_interrupted:
            return {"status": "interrupted", "reason": reason}
        make_record = lost_record if ended.is_lost else ended_record
        stored = self._stored(self._placed(make_record(ended.run.request(), reason), ended.node))
        return {"status": "failed", "reason": reason, "not_stored": stored}

    def _placed(self, record: Result, node: str | None = None) -> Result:
        """Give a record of this process for a cell of another machine."""
        launch = self.runner.launch
        if launch is None:
            return record
        return of_another_machine(record, launch if node is None else {**launch, "node": node})

    def _stored(self, record: Result) -> str | None:
        """Store a record; give why it is not in every target."""
        try:
            with deferred_signals():
                store_result(record, *self._targets)
        except ResultNotStoredError as lost:
            return str(lost)
        except RunInterrupted as ended:  # by a second signal
            self._is_hurried = True
            return f"interrupted while it was stored: {ended}"
        return None

    def _add(self, run: CellRun, seconds: float, facts: Mapping[str, Any]) -> None:
        found = CellOutcome.of(run.cell.label, run.round, seconds, facts)
        self._counts.add(run, found.status, seconds)
        if not found.outputs_are_right and found.label not in self.outcome.wrong:
            self.outcome.wrong.append(found.label)
        self.outcome.outcomes.append(found)
        self.outcome.state = self._state()
        self._observer.ended(found, self.outcome.state)

    def _state(self) -> SweepState:
        return self._counts.state(self.runner.started)


def _local(asked: Execution) -> CellRunner:
    sweep = asked.plan.sweep
    setting = CellSetting(asked.targets, sweep.cell_timeout_s, asked.held)
    return CellPool(setting, jobs=asked.jobs, owner=f"sweep {sweep.name}")
