"""The runs of each cell, in bounded memory: a question keeps all of its cells, or none."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ttbench_core.record.machines import Machine
from ttbench_core.record.result import Result
from ttbench_core.record.start_time import epoch_ms
from ttbench_core.results.answer.naming import MICROBATCH, UNKNOWN_UNTIL_BUILT, question_of
from ttbench_core.results.compact_run import CompactRun
from ttbench_core.results.comparison.key import Key

__all__ = ["CellRuns", "FailedRun", "KeptRuns", "LeftOut", "Place"]

#: Runs that are kept of all cells together; a cell without a number counts as one.
_MAX_RUNS: Final = 20_000
#: Runs of a cell that are pooled; of more, the latest.
_MAX_RUNS_OF_CELL: Final = 20
#: Hosts of a cell whose names are kept.
_MAX_HOSTS_OF_CELL: Final = 20
_MAX_REASON: Final = 200
_INTERRUPTED: Final = "interrupted"

#: The key of a cell, and its machine.
Place: TypeAlias = tuple[Key, Machine]


@dataclass(frozen=True)
class LeftOut:
    """What was too much to be kept."""

    questions: int = 0
    cells: int = 0
    #: Whether one of the questions had more than one variant.
    has_variants: bool = False


@dataclass(frozen=True)
class Moment:
    """When a run was made."""

    #: None where its record does not say.
    started_ms: float | None
    #: Its place in the report, which is sorted by time as far as it can be.
    number: int

    def is_after(self, other: Moment) -> bool:
        """Return whether this is later; at equal or unknown times, the order of records counts."""
        if self.started_ms is None or other.started_ms is None:
            return self.number > other.number
        return (self.started_ms, self.number) > (other.started_ms, other.number)


@dataclass(frozen=True)
class FailedRun:
    """A run that has no number, and was not interrupted: that would say nothing of an engine."""

    at: Moment
    #: Its status and error.
    reason: str


@dataclass
class CellRuns:
    """The runs of one cell so far."""

    #: The place of its first record in the report.
    first: int
    measured: deque[CompactRun] = field(default_factory=lambda: deque(maxlen=_MAX_RUNS_OF_CELL))
    #: Why the last record without a number has none.
    failure: str | None = None
    last_measured: Moment | None = None
    last_failed: FailedRun | None = None
    #: Names of the hosts of its records, each once.
    hosts: dict[str, None] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many runs it counts as."""
        return max(1, len(self.measured))

    def add(self, number: int, result: Result) -> None:
        """Add the next run."""
        at = Moment(epoch_ms(result.started_at), number)
        if len(self.hosts) < _MAX_HOSTS_OF_CELL:
            self.hosts[str(result.machine_name)] = None
        if _has_number(result):
            self.measured.append(CompactRun.of(number, result))
            if self.last_measured is None or at.is_after(self.last_measured):
                self.last_measured = at
            return
        self.failure = _reason(result)
        is_last = self.last_failed is None or at.is_after(self.last_failed.at)
        if is_last and result.status != _INTERRUPTED:
            self.last_failed = FailedRun(at, self.failure)

    def failed_after(self, measured: CellRuns) -> FailedRun | None:
        """Give its last failure, if that is later than every run with a number of a cell."""
        failed, last = self.last_failed, measured.last_measured
        return failed if failed and last and failed.at.is_after(last) else None


class KeptRuns:
    """The runs of cells, by question.

    A question that lost a cell could name a wrong winner. So where there are too many runs, the
    question that was measured before all others is left out whole, and none of its further
    records is kept. Only hashes of its cells are, which tell how many are left out.
    """

    def __init__(self) -> None:
        self._questions: OrderedDict[Key, dict[Place, CellRuns]] = OrderedDict()
        self._left_out: dict[int, set[int]] = {}
        self._has_left_out_variants = False
        self._size = 0

    def add(self, place: Place, number: int, result: Result) -> None:
        """Add the next record of a cell; the number is its place in the report."""
        question = _question_of(place[0])
        if (left_out := self._left_out.get(hash(question))) is not None:
            left_out.add(hash(place))
            return
        cells = self._questions.setdefault(question, {})
        self._questions.move_to_end(question)
        before = cells[place].size if place in cells else 0
        runs = cells.setdefault(place, CellRuns(number))
        runs.add(number, result)
        self._size += runs.size - before
        while self._size > _MAX_RUNS:
            self._leave_out_oldest()

    def cells(self) -> Iterator[tuple[Place, CellRuns]]:
        """Yield the runs of each cell, in the order in which cells first appeared."""
        every = [pair for cells in self._questions.values() for pair in cells.items()]
        yield from sorted(every, key=lambda pair: pair[1].first)

    @property
    def left_out(self) -> LeftOut:
        """What is not kept."""
        return LeftOut(
            questions=len(self._left_out),
            cells=sum(map(len, self._left_out.values())),
            has_variants=self._has_left_out_variants,
        )

    def _leave_out_oldest(self) -> None:
        question, cells = self._questions.popitem(last=False)
        self._size -= sum(one.size for one in cells.values())
        self._left_out[hash(question)] = set(map(hash, cells))
        variants = {(key.without([MICROBATCH]), machine) for key, machine in cells}
        self._has_left_out_variants |= len(variants) > 1


def _question_of(key: Key) -> Key:
    """Return the question without what a failed run did not get to know: it belongs to it."""
    return question_of(key).without(UNKNOWN_UNTIL_BUILT)


def _has_number(result: Result) -> bool:
    rate = result.samples_per_sec
    return result.ok and rate is not None and math.isfinite(rate) and rate > 0


def _reason(result: Result) -> str:
    if result.ok:
        return "no number"
    text = f"{result.status}: {result.error}" if result.error else str(result.status)
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1]}…"
