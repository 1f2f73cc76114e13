"""Gathering the cells of an answer from any number of results, in bounded memory."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ttbench_core.record.result import Result
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.naming import (
    MICROBATCH,
    UNKNOWN_UNTIL_BUILT,
    question_of,
    truncated,
    variant_of,
)
from ttbench_core.results.compact_run import CompactRun
from ttbench_core.results.comparison.key import Key, key_of

__all__ = ["Gatherer", "Gathering"]

#: Cells that are kept; of more, those that were measured last.
_MAX_CELLS: Final = 1000
#: Runs of a cell that are pooled; of more, the latest.
_MAX_RUNS: Final = 20
_MAX_REASON: Final = 200
_MAX_SWEEPS: Final = 5


@dataclass(frozen=True)
class Gathering:
    """The cells that results have."""

    cells: tuple[AnswerCell, ...]
    #: Cells that were measured before these, which are not kept.
    left_out: int
    #: Names of the sweeps that the results are of.
    sweeps: tuple[str, ...]


@dataclass
class _Runs:
    """The runs of one cell so far."""

    measured: deque[CompactRun] = field(default_factory=lambda: deque(maxlen=_MAX_RUNS))
    failure: str | None = None


class Gatherer:
    """Takes results one by one, in the order of time."""

    def __init__(self) -> None:
        self._runs: OrderedDict[tuple[Key, str], _Runs] = OrderedDict()
        self._order: dict[tuple[Key, str], int] = {}
        self._left_out = 0
        self._sweeps: dict[str, None] = {}

    def add(self, number: int, result: Result) -> None:
        """Add the next result; the number is its place in the report."""
        self._note_sweep(result)
        place = _key_of(result), str(result.machine_name)
        runs = self._runs.setdefault(place, _Runs())
        self._order.setdefault(place, number)
        if _has_number(result):
            runs.measured.append(CompactRun.of(number, result))
        else:
            runs.failure = _reason(result)
        self._runs.move_to_end(place)
        if len(self._runs) > _MAX_CELLS:
            oldest, _ = self._runs.popitem(last=False)
            del self._order[oldest]
            self._left_out += 1

    def gathering(self) -> Gathering:
        """Return what was gathered, in the order in which cells first appeared."""
        ordered = sorted(self._runs, key=self._order.__getitem__)
        cells = [_cell(key, machine, self._runs[key, machine]) for key, machine in ordered]
        return Gathering(tuple(_with_failures_placed(cells)), self._left_out, tuple(self._sweeps))

    def _note_sweep(self, result: Result) -> None:
        sweep = getattr(result, "sweep", None)
        name = sweep.get("name") if isinstance(sweep, Mapping) else None
        if name and len(self._sweeps) < _MAX_SWEEPS:
            self._sweeps[truncated(name)] = None


def _key_of(result: Result) -> Key:
    """Return the key; a device that a failed run did not get to know is unknown, not another."""
    key = key_of(result)
    if result.ok or result.devices:
        return key
    unknown = {"device_name": None, "device": result.args.get("device")}
    return Key(
        tuple((name, _text(unknown[name]) if name in unknown else one) for name, one in key.values)
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _has_number(result: Result) -> bool:
    rate = result.samples_per_sec
    return result.ok and rate is not None and math.isfinite(rate) and rate > 0


def _reason(result: Result) -> str:
    if result.ok:
        return "no number"
    text = f"{result.status}: {result.error}" if result.error else str(result.status)
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1]}…"


def _cell(key: Key, machine: str, runs: _Runs) -> AnswerCell:
    size = key.get(MICROBATCH)
    return AnswerCell(
        question=question_of(key),
        variant=variant_of(key, machine),
        microbatch=size if isinstance(size, int) else None,
        runs=tuple(one.result() for one in runs.measured),
        failure=runs.failure,
    )


def _with_failures_placed(cells: Sequence[AnswerCell]) -> Iterator[AnswerCell]:
    """Give a run that failed before its sizes were known the question that it was of."""
    measured = [one for one in cells if one.runs]
    taken = {(one.question, one.variant, one.microbatch) for one in measured}
    for cell in cells:
        placed = cell if cell.runs else _placed(cell, measured)
        if cell.runs or (placed.question, placed.variant, placed.microbatch) not in taken:
            yield placed


def _placed(cell: AnswerCell, measured: Sequence[AnswerCell]) -> AnswerCell:
    question = next(
        (one.question for one in measured if _may_be(cell.question, one.question)), cell.question
    )
    variant = next(
        (one.variant for one in measured if _may_be(cell.variant, one.variant)), cell.variant
    )
    sizes = {one.microbatch for one in measured if one.question == question}
    size = sizes.pop() if cell.microbatch is None and len(sizes) == 1 else cell.microbatch
    return replace(cell, question=question, variant=variant, microbatch=size)


def _may_be(failed: Key, measured: Key) -> bool:
    """Return whether a key of a failed run differs only in what that run did not get to know."""
    return all(
        one.what in UNKNOWN_UNTIL_BUILT and (one.old is None or one.what == "generates")
        for one in failed.differences(measured)
    )
