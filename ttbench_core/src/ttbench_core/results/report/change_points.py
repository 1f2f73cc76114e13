"""Change points in the history of a configuration: searching them, and showing them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ttbench_core.record.formatting import format_number
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.effect import ratio_interval_text, ratio_text
from ttbench_core.results.history.change_points import DEFAULT_SENSITIVITY
from ttbench_core.results.history.changes import Change, changes_of
from ttbench_core.results.history.run_series import (
    ContextPool,
    RunPoint,
    is_doubtful,
    point_of,
)
from ttbench_core.results.history.texts import differences_text, p_text, percent_text, start_text
from ttbench_core.results.report.comparison_tables import TONES
from ttbench_core.results.report.extracting import truncate
from ttbench_core.results.report.page_elements import Cell, Column, Table, counted, number, text
from ttbench_core.results.report.report_data import Configuration, RateChanges

__all__ = ["SearchedRuns", "change_point_notes", "change_point_rows", "change_points_table"]

#: Runs of a configuration that are searched: the latest.
_MAX_SEARCHED: Final = 300
_NOTE: Final = (
    f"Change points are where the rate changed by more than"
    f" {percent_text(DEFAULT_SENSITIVITY.min_change)}, with p below {DEFAULT_SENSITIVITY.max_p:g}"
    f" (ttbench history), in the latest {_MAX_SEARCHED} runs of a configuration. A coloured line in"
    " a chart marks the first run after one."
)
#: More lines of a chart are not told apart.
_MAX_MARKS: Final = 20


class SearchedRuns:
    """The latest runs of a configuration that count, in the order of time."""

    def __init__(self, contexts: ContextPool) -> None:
        self._contexts: Final = contexts
        self._points: deque[RunPoint] = deque(maxlen=_MAX_SEARCHED)
        self._ignored = 0

    def add(self, run: int, result: Result) -> None:
        """Add the next run in time, which has a throughput."""
        if is_doubtful(result):
            self._ignored += 1
        else:
            self._points.append(point_of(run, result, self._contexts.context_of(result)))

    def found(self) -> RateChanges:
        """Search the runs."""
        return RateChanges(changes_of(tuple(self._points), DEFAULT_SENSITIVITY), self._ignored)


def change_point_notes(configurations: Iterable[Configuration]) -> Iterator[str]:
    """Yield what a reader of change points must know."""
    yield _NOTE
    if ignored := sum(one.rate_changes.ignored for one in configurations):
        yield f"{counted(ignored, 'run')} noisy or unstable: not searched for change points."


def change_point_rows(one: Configuration) -> list[dict[str, Any]]:
    """Return the rows of `time_charts.history` for the latest change points."""
    return [
        {
            "run": change.after.first.number,
            "started_ms": change.after.first.started_ms,
            "started": start_text(change.after.first),
            "direction": change.direction,
            "ratio": change.ratio,
            "interval": ratio_interval_text(change.interval) or "none",
            "p": p_text(change.p_value),
            "differs": _differences(change),
        }
        for change in one.rate_changes.changes[-_MAX_MARKS:]
    ]


def change_points_table(configurations: Iterable[Configuration]) -> Table:
    """Return one row per change point, the last of a configuration first."""
    columns = (
        *(Column("Configuration", is_wide=True), Column("First run after", is_number=True)),
        *(Column("Started"), Column("Before", is_number=True), Column("After", is_number=True)),
        *(Column("Ratio", is_number=True), Column("95 % interval of the ratio", is_number=True)),
        *(Column("Change"), Column("p", is_number=True), Column("What differs", is_wide=True)),
    )
    rows = tuple(
        _row(one, change) for one in configurations for change in reversed(one.rate_changes.changes)
    )
    return Table("Change points", columns, rows)


def _row(one: Configuration, change: Change) -> tuple[Cell, ...]:
    first, interval = change.after.first, change.interval
    unit = one.latest.unit if one.latest else "sample"
    return (
        text(one.label),
        number(first.number, str(first.number)),
        Cell(start_text(first), first.started_ms),
        *(
            number(side.rate_per_s, f"{format_number(side.rate_per_s)} {unit}s/s")
            for side in (change.before, change.after)
        ),
        number(change.ratio, ratio_text(change.ratio)),
        Cell(ratio_interval_text(interval) or "none", interval.low if interval else None),
        text(change.direction, tone=TONES[change.direction]),
        number(change.p_value, p_text(change.p_value)),
        text(_differences(change)),
    )


def _differences(change: Change) -> str:
    return truncate(differences_text(change))
