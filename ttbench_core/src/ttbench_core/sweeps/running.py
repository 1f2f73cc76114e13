"""A sweep from its definition to its last record; `run_sweep` from Python."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from ttbench_core.errors import OptionError, TtbenchError, suggestion
from ttbench_core.record.run_errors import RunInterrupted
from ttbench_core.request.checking import check_integer
from ttbench_core.results.results import Results
from ttbench_core.sinks.targets import Target, check_targets
from ttbench_core.sweeps.axes import MACHINE
from ttbench_core.sweeps.cell_runner import CellRunner
from ttbench_core.sweeps.definition import Sweep
from ttbench_core.sweeps.definition_checks import sweep_from, sweep_of
from ttbench_core.sweeps.execution import Execution, SweepOutcome, execute
from ttbench_core.sweeps.host_locks import HostLock
from ttbench_core.sweeps.journal import Journal, read_journal, stored_results
from ttbench_core.sweeps.plan import Plan
from ttbench_core.sweeps.planning import plan_sweep
from ttbench_core.sweeps.progress import SILENT_SWEEP, SweepObserver, SweepState
from ttbench_core.sweeps.progress_display import show_sweep
from ttbench_core.sweeps.toml_file import read_draft

__all__ = [
    "MAX_JOBS",
    "RETRIED",
    "FinishedSweep",
    "Planned",
    "Planner",
    "SweepAsked",
    "SweepInterrupted",
    "SweepNotStoredError",
    "kept_somewhere",
    "plan_here",
    "records_of",
    "run_planned",
    "run_sweep",
]

#: What `retry` takes.
RETRIED: Final = ("failed", "refused")
MAX_JOBS: Final = 64
_TEMPORARY: Final = "ttbench-sweep-"


@dataclass(frozen=True)
class SweepAsked:
    """A definition, and how it is run this time."""

    sweep: Sweep
    #: Checked targets, at least one.
    targets: tuple[Target, ...]
    #: Statuses of rows that are run again: `failed`, `refused`.
    retry: Collection[str] = ()
    #: How many cells run at once, on different devices.
    jobs: int = 1

    def __post_init__(self) -> None:
        """Raise `OptionError` for a status that is none, and for no jobs."""
        check_integer("jobs", self.jobs, minimum=1, maximum=MAX_JOBS)
        for status in self.retry:
            if status not in RETRIED:
                hint = suggestion(status, RETRIED)
                raise OptionError(f"retry {status!r} must be one of {', '.join(RETRIED)}{hint}")


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


def run_sweep(
    definition: str | Path | Sweep | None = None,
    *,
    output: str | Path | Sequence[str | Path] | None = None,
    retry: str | Collection[str] = (),
    jobs: int = 1,
    progress: bool | None = None,
    **parts: Any,
) -> Results:
    """Run every cell of a sweep that has no record yet; `ttbench sweep` from Python.

    Args:
        definition: a file in TOML (docs/sweeps.md), or a `Sweep`; None makes one of `parts`.
        output: file or URL that records are appended to, or several; those of the definition if
            not given. Called again, the sweep goes on where it ended.
        retry: `failed` or `refused`, or both: rows that are run again.
        jobs: how many cells run at once, on different devices.
        progress: whether to show progress.
        parts: of `sweep_of`: `grid`, `settings`, `zips`, `scenarios`, `excludes`, `machines`,
            `name`, `rounds`, `order_seed`, `cell_timeout_s`.

    Returns:
        The records of its cells, also those of earlier calls, of cells that failed, and of those
        that an engine refused.

    Raises:
        SweepError: the definition is wrong; the message names the place.
        SweepNotStoredError: a record is not in every target; the others are, and it is in a
            rescue file.
        SweepInterrupted: Ctrl-C, a `RunInterrupted`; the records of what ran are in `output`.
    """
    sweep = _defined(definition, parts)
    named = sweep.outputs if output is None else output
    with kept_somewhere(named) as targets:
        asked = SweepAsked(sweep, targets, [retry] if isinstance(retry, str) else retry, jobs)
        with show_sweep(print, shown=progress) as observer:
            ended = run_planned(asked, observer)
        if ended.outcome.is_interrupted:
            raise SweepInterrupted(ended.outcome.state)
        if ended.outcome.not_stored:
            raise SweepNotStoredError("; ".join(dict.fromkeys(ended.outcome.not_stored)))
        return records_of(ended.plan, targets)


@dataclass(frozen=True)
class Planned:
    """A plan, and what runs its cells."""

    plan: Plan
    #: None for processes of this machine.
    runner: CellRunner | None = None
    #: Sentences about what runs them.
    notes: Sequence[str] = ()


#: Plans a sweep, of which some is known already.
Planner: TypeAlias = Callable[[SweepAsked, Journal], Planned]


def plan_here(asked: SweepAsked, _journal: Journal) -> Planned:
    """Plan a sweep for this machine."""
    return Planned(plan_sweep(asked.sweep))


def run_planned(
    asked: SweepAsked, observer: SweepObserver = SILENT_SWEEP, planner: Planner = plan_here
) -> FinishedSweep:
    """Plan a sweep, and run what has no record yet.

    A sweep that is started while it runs already waits for the first one to end, and for the
    processes that one left behind: then there is nothing to do twice.

    Args:
        asked: the sweep.
        observer: is shown what happens.
        planner: plans it, and says what runs its cells.

    Raises `RequestError` for a wrong definition, `ResultsFileError`, `ResultNotStoredError`.
    """
    sweep, targets = asked.sweep, asked.targets
    with contextlib.ExitStack() as held:
        locks = [_locked(sweep.name, one, observer, held) for one in _in_one_order(targets)]
        journal = read_journal(targets, sweep.name)
        planned = planner(asked, journal)
        plan = planned.plan
        execution = Execution(
            plan, targets, journal, asked.retry, asked.jobs, locks, planned.runner
        )
        said = [*planned.notes, *plan.notes, *unreadable(journal), *changes(plan, journal)]
        return FinishedSweep(plan, execute(execution, observer, said))


def _in_one_order(targets: Sequence[Target]) -> list[Target]:
    """Give targets in an order that is the same for everyone who locks several."""
    return sorted(targets, key=lambda one: one.identity)


def _locked(
    name: str, target: Target, observer: SweepObserver, held: contextlib.ExitStack
) -> HostLock:
    """Lock a sweep in a target: another one with the same two waits."""
    shown = f"sweep {name} in {target}"
    lock = HostLock(f"sweep {name} in {target.identity}", shown=shown)
    held.callback(lock.release)
    lock.wait(observer.waiting)
    return lock


def unreadable(journal: Journal) -> list[str]:
    """Say which targets do not tell what is done."""
    return [
        f"{target} cannot be read back: what only it holds is measured again"
        for target in journal.unreadable
    ]


def changes(plan: Plan, journal: Journal) -> list[str]:
    """Say how a definition differs from that of the records that are there."""
    known, planned = journal.ended_cells(), {one.key for one in plan.cells}
    if plan.sweep.values_of(MACHINE):
        known &= planned  # others are of other machines
    if not known or known == planned:
        return []
    new, gone, kept = len(planned - known), len(known - planned), len(known & planned)
    counts = f"{kept} cells are kept, {new} are new, {gone} are no longer in it"
    if plan.identity in journal.identities():
        # the same definition, so the keys differ by what it runs with
        if new == gone == 0:
            return []
        return [
            f"{counts}: cells are measured again with other versions, or on another machine"
            if gone
            else f"going on: {kept} cells have records, {new} have none yet"
        ]
    return [f"the definition has changed: {counts}; their records stay"]


@contextlib.contextmanager
def kept_somewhere(
    named: str | Path | Sequence[str | Path] | None,
) -> Iterator[tuple[Target, ...]]:
    """Give the checked targets; a temporary one where none is named."""
    targets = check_targets(named)
    if targets:
        yield targets
        return
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY) as folder:
        yield check_targets(Path(folder) / "sweep.jsonl")


def _defined(definition: str | Path | Sweep | None, parts: Mapping[str, Any]) -> Sweep:
    if definition is None:
        return sweep_of(**parts)
    if parts:
        raise TypeError(f"run_sweep() takes a definition or its parts, not both: {sorted(parts)}")
    if isinstance(definition, Sweep):
        return definition
    return sweep_from(read_draft(Path(definition)))


def records_of(plan: Plan, targets: Sequence[Target]) -> Results:
    """Read the records of the cells of a plan, from the first target that can be read.

    Without those that were interrupted, which count as not done.

    Raises `ResultsFileError`.
    """
    keys = {one.key for one in plan.cells}
    readable = next((one for one in targets if hasattr(one.open, "records")), None)
    found = () if readable is None else stored_results(readable, plan.sweep.name)
    return Results(
        one
        for one in found
        if (one.sweep or {}).get("cell") in keys and one.status != "interrupted"
    )
