"""A sweep from its definition to its last record; `run_sweep` from Python."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import OptionError, TtbenchError, suggestion
from ttbench_core.record.run_errors import RunInterrupted
from ttbench_core.request.checking import check_integer
from ttbench_core.results.results import Results
from ttbench_core.sinks.targets import Target, check_targets
from ttbench_core.sweeps.definition import Sweep
from ttbench_core.sweeps.definition_checks import sweep_from, sweep_of
from ttbench_core.sweeps.execution import Execution, SweepOutcome, execute
from ttbench_core.sweeps.heart import Heart
from ttbench_core.sweeps.journal import read_journal, stored_results
from ttbench_core.sweeps.journal_notes import changes, unreadable
from ttbench_core.sweeps.plan import Plan
from ttbench_core.sweeps.planning import plan_sweep
from ttbench_core.sweeps.progress import SILENT_SWEEP, SweepObserver, SweepState
from ttbench_core.sweeps.progress_display import show_sweep
from ttbench_core.sweeps.run_times import read_times
from ttbench_core.sweeps.shard_outputs import targets_of_shard, texts_of_outputs
from ttbench_core.sweeps.shards import Shard, Share
from ttbench_core.sweeps.sweep_locks import sweep_locks
from ttbench_core.sweeps.toml_file import read_draft

__all__ = [
    "MAX_JOBS",
    "RETRIED",
    "FinishedSweep",
    "SweepAsked",
    "SweepInterrupted",
    "SweepNotStoredError",
    "kept_somewhere",
    "records_of",
    "run_planned",
    "run_sweep",
    "share_of",
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
    #: The shard that is run; None is all of it.
    share: Share | None = None
    #: What other shards have written, for what is done.
    others: tuple[Target, ...] = ()

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
    shard: str | None = None,
    times: str | Path | None = None,
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
        shard: `2/4` runs the second of four parts alone; `{shard}` in `output` is `2of4`.
        times: results, or a file of frozen times, by which shards are made to take as long as
            each other; the same for all shards.
        parts: of `sweep_of`: `grid`, `settings`, `zips`, `scenarios`, `excludes`, `name`,
            `rounds`, `order_seed`, `cell_timeout_s`.

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
    share = share_of(shard, times)
    named = sweep.outputs if output is None else texts_of_outputs(output)
    with kept_somewhere(named, share) as (targets, others):
        retried = [retry] if isinstance(retry, str) else retry
        asked = SweepAsked(sweep, targets, retried, jobs, share, others)
        with show_sweep(print, shown=progress) as observer:
            ended = run_planned(asked, observer)
        if ended.outcome.is_interrupted:
            raise SweepInterrupted(ended.outcome.state)
        if ended.outcome.not_stored:
            raise SweepNotStoredError("; ".join(dict.fromkeys(ended.outcome.not_stored)))
        return records_of(ended.plan, targets, others)


def run_planned(
    asked: SweepAsked,
    observer: SweepObserver = SILENT_SWEEP,
) -> FinishedSweep:
    """Plan a sweep, and run what has no record yet.

    A sweep that is started while it runs already waits for the first one to end, and for the
    processes that one left behind: then there is nothing to do twice.

    Args:
        asked: the sweep.
        observer: is shown what happens.

    Raises `RequestError` for a wrong definition, `ResultsFileError`, `ResultNotStoredError`.
    """
    sweep, targets = asked.sweep, asked.targets
    plan = plan_sweep(sweep, share=asked.share)
    own = None if plan.shard is None else {one.key for one in plan.cells}
    with contextlib.ExitStack() as held:
        locks = sweep_locks(sweep.name, plan.shard, targets, observer.waiting, held)
        journal = read_journal(targets, sweep.name, asked.others, own)
        execution = Execution(plan, targets, journal, asked.retry, asked.jobs, locks)
        said = [*plan.notes, *unreadable(journal), *changes(plan, journal)]
        with Heart(plan, targets, observer) as heart:
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


def share_of(shard: str | None, times: str | Path | None) -> Share | None:
    """Give which part of a sweep is asked for; None is all. Raises `OptionError`."""
    if shard is not None:
        return Share(Shard.read(shard), None if times is None else read_times(times))
    if times is not None:
        raise OptionError("times are for dealing out shards: give a shard, such as --shard 1/4")
    return None


def _defined(definition: str | Path | Sweep | None, parts: Mapping[str, Any]) -> Sweep:
    if definition is None:
        return sweep_of(**parts)
    if parts:
        raise TypeError(f"run_sweep() takes a definition or its parts, not both: {sorted(parts)}")
    if isinstance(definition, Sweep):
        return definition
    return sweep_from(read_draft(Path(definition)))


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
    return Results(found.values())
