"""Gathering the cells of an answer from any number of results, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ttbench_core.record.machines import machine_of
from ttbench_core.record.result import Result
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.kept_runs import (
    CellRuns,
    FailedRun,
    KeptRuns,
    LeftOut,
    Place,
)
from ttbench_core.results.answer.naming import (
    MICROBATCH,
    UNKNOWN_UNTIL_BUILT,
    question_of,
    truncated,
    variant_of,
)
from ttbench_core.results.comparison.key import Key, key_of

__all__ = ["Gatherer", "Gathering"]

_MAX_SWEEPS: Final = 5

_CellPlace: TypeAlias = tuple[Key, Key, int | None]


@dataclass(frozen=True)
class Gathering:
    """The cells that results have."""

    cells: tuple[AnswerCell, ...]
    left_out: LeftOut
    #: Names of the sweeps that the results are of.
    sweeps: tuple[str, ...]


class Gatherer:
    """Takes results one by one, in the order of time."""

    def __init__(self) -> None:
        self._kept = KeptRuns()
        self._sweeps: dict[str, None] = {}

    def add(self, number: int, result: Result) -> None:
        """Add the next result; the number is its place in the report."""
        if result.is_lost or not result.is_comparable:
            return
        self._note_sweep(result)
        self._kept.add((_key_of(result), machine_of(vars(result))), number, result)

    def gathering(self) -> Gathering:
        """Return what was gathered, in the order in which cells first appeared."""
        cells = [(_cell(place, runs), runs) for place, runs in self._kept.cells()]
        return Gathering(
            tuple(_with_failures_placed(cells)), self._kept.left_out, tuple(self._sweeps)
        )

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


def _cell(place: Place, runs: CellRuns) -> AnswerCell:
    key, machine = place
    size = key.get(MICROBATCH)
    return AnswerCell(
        question=question_of(key),
        variant=variant_of(key, machine),
        microbatch=size if isinstance(size, int) else None,
        runs=tuple(one.result() for one in runs.measured),
        failure=runs.failure,
        hosts=tuple(runs.hosts),
    )


def _with_failures_placed(gathered: Sequence[tuple[AnswerCell, CellRuns]]) -> list[AnswerCell]:
    """Give a run that failed before its sizes were known the question that it was of.

    Where that has a cell with numbers, the cell knows whether it failed since.
    """
    measured = [cell for cell, _ in gathered if cell.runs]
    runs_of = {_place_of(cell): runs for cell, runs in gathered if cell.runs}
    failed_since: dict[_CellPlace, FailedRun] = {}
    placed = []
    for cell, runs in gathered:
        here = cell if cell.runs else _placed(cell, measured)
        place = _place_of(here)
        if cell.runs or place not in runs_of:
            placed.append(here)
        late = runs.failed_after(runs_of.get(place, runs))
        known = failed_since.get(place)
        if late is not None and (known is None or late.at.is_after(known.at)):
            failed_since[place] = late
    return [
        replace(one, failed_since=failed_since[_place_of(one)].reason)
        if _place_of(one) in failed_since
        else one
        for one in placed
    ]


def _place_of(cell: AnswerCell) -> _CellPlace:
    return cell.question, cell.variant, cell.microbatch


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
