"""A sweep from its definition to its last record."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.errors import TtbenchError
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import RunInterrupted
from ttbench_core.results.results import Results
from ttbench_core.sinks.targets import Target, check_targets
from ttbench_core.sweeps.asked import SweepAsked
from ttbench_core.sweeps.cell_runner import CellRunner
from ttbench_core.sweeps.cells.host_locks import HostLock
from ttbench_core.sweeps.definition.axes import MACHINE
from ttbench_core.sweeps.execution import Execution, SweepOutcome, execute
from ttbench_core.sweeps.journal.heart import Heart
from ttbench_core.sweeps.journal.journal import Journal, read_journal, stored_results
from ttbench_core.sweeps.journal.journal_notes import changes, unreadable
from ttbench_core.sweeps.planning.plan import Plan
from ttbench_core.sweeps.planning.planning import plan_sweep
from ttbench_core.sweeps.progress.progress import SILENT_SWEEP, SweepObserver, SweepState
from ttbench_core.sweeps.shards.shard_outputs import targets_of_shard
from ttbench_core.sweeps.shards.shards import Share
from ttbench_core.sweeps.shards.sweep_locks import sweep_locks

__all__ = [
    "FinishedSweep",
    "Planned",
    "SweepInterrupted",
    "SweepNotStoredError",
    "kept_somewhere",
    "locked",
    "records_of",
    "run_planned",
    "run_what_is_left",
]

_TEMPORARY: Final = "ttbench-sweep-"


class SweepNotStoredError(TtbenchError):
    """Records of a sweep are not in every target."""


class SweepInterrupted(RunInterrupted):
    """Ctrl-C ended a sweep; the same call goes on."""

    def __init__(self, state: SweepState) -> None:
        super().__init__(None)
        self.args = (f"interrupted: {state.done} of {state.total} runs are done",)


@dataclass(frozen=True)
class FinishedSweep:
    """A plan, and how it ended."""

    plan: Plan
    outcome: SweepOutcome


@dataclass(frozen=True)
class Planned:
    """A plan, and what runs its cells."""

    plan: Plan
    #: None for processes of this machine.
    runner: CellRunner | None = None
    #: Sentences about what runs them.
    notes: Sequence[str] = ()


def run_planned(asked: SweepAsked, observer: SweepObserver = SILENT_SWEEP) -> FinishedSweep:
    """Plan a sweep, and run what has no record yet.

    A sweep that is started while it runs already waits for the first one to end, and for the
    processes that one left behind: then there is nothing to do twice.

    Args:
        asked: the sweep.
        observer: is shown what happens.

    Raises `RequestError` for a wrong definition, `ResultsFileError`, `ResultNotStoredError`.
    """
    plan = plan_sweep(asked.sweep, share=asked.share)
    own = {one.key for one in plan.cells} if _has_others(plan) else None
    with locked(asked, observer) as locks:
        journal = read_journal(asked.targets, asked.sweep.name, asked.others, own)
        return run_what_is_left(asked, Planned(plan), journal, locks, observer)


def _has_others(plan: Plan) -> bool:
    """Return whether others may run cells of the sweep: of other shards, on other machines."""
    return plan.shard is not None or bool(plan.sweep.values_of(MACHINE))


@contextlib.contextmanager
def locked(asked: SweepAsked, observer: SweepObserver) -> Iterator[Sequence[HostLock]]:
    """Hold the locks of a sweep in its targets; say so where they have to be waited for."""
    shard = None if asked.share is None else asked.share.shard
    with contextlib.ExitStack() as held:
        yield sweep_locks(asked.sweep.name, shard, asked.targets, observer.waiting, held)


def run_what_is_left(
    asked: SweepAsked,
    planned: Planned,
    journal: Journal,
    locks: Sequence[HostLock],
    observer: SweepObserver,
) -> FinishedSweep:
    """Run what the journal has no record of."""
    plan = planned.plan
    execution = Execution(
        plan, asked.targets, journal, asked.retry, asked.jobs, locks, planned.runner
    )
    said = [*planned.notes, *plan.notes, *unreadable(journal), *changes(plan, journal)]
    with Heart(plan, asked.targets, observer) as heart:
        return FinishedSweep(plan, execute(execution, heart, said))


@contextlib.contextmanager
def kept_somewhere(
    named: Sequence[str], share: Share | None = None
) -> Iterator[tuple[tuple[Target, ...], tuple[Target, ...]]]:
    """Give the checked targets, a temporary one where none is named, and those of other shards."""
    shard = None if share is None else share.shard
    targets, others = targets_of_shard(named, shard)
    if targets:
        yield targets, others
        return
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY) as folder:
        yield check_targets(Path(folder) / "sweep.jsonl"), ()


def records_of(plan: Plan, targets: Sequence[Target], others: Sequence[Target] = ()) -> Results:
    """Read the records of the cells of a plan, from the first target that can be read.

    Without those that were interrupted, which count as not done.

    Args:
        plan: whose cells.
        targets: of which each has all records.
        others: of other shards, which may have records of these cells.

    Raises `ResultsFileError`.
    """
    keys = {one.key for one in plan.cells}
    first = [one for one in targets if hasattr(one.open, "records")][:1]
    places = [*first, *(one for one in others if hasattr(one.open, "records"))]
    stored = (one for place in places for one in stored_results(place, plan.sweep.name))
    found = {
        one.run_id: one
        for one in stored
        if (one.sweep or {}).get("cell") in keys and one.status != "interrupted"
    }
    told = {_place(one) for one in found.values() if not one.is_lost}
    # a run that was lost with its machine counts where no other try of it is there
    return Results(one for one in found.values() if not one.is_lost or _place(one) not in told)


def _place(result: Result) -> tuple[object, object]:
    sweep = result.sweep or {}
    return sweep.get("cell"), sweep.get("round")
