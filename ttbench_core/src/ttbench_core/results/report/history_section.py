"""The section of every configuration over time: its runs, its changes and its change points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from ttbench_core.results.comparison.effect import ratio_interval_text, ratio_text
from ttbench_core.results.report import tables, time_charts
from ttbench_core.results.report.change_points import (
    change_point_notes,
    change_point_rows,
    change_points_table,
)
from ttbench_core.results.report.page_elements import (
    MAX_FIGURES,
    Cell,
    Column,
    Figure,
    Section,
    Table,
    number,
    showing_latest,
)
from ttbench_core.results.report.report_data import Change, Configuration, Point, ReportData

__all__ = ["history_section"]

#: With more changes than this, none is marked.
_MAX_MARKS: Final = 20
_HISTORY_NOTE: Final = (
    "The latest runs of a configuration (five at most, of one environment) are compared with its"
    " first runs, and with the latest of the environment before. A dashed line in a chart marks"
    " the first run in another environment, where such are few."
)


def history_section(data: ReportData) -> Section:
    """Return the section of all configurations over time, with their changes."""
    several = [one for one in data.configurations if len(one.history) > 1]
    figures = tuple(_history_figure(*one) for one in enumerate(several[:MAX_FIGURES]))
    return Section(
        "history",
        "History",
        notes=(
            _HISTORY_NOTE,
            *change_point_notes(data.configurations),
            *(
                f"{one.label}: every {round(one.measured / len(one.history))}th of"
                f" {one.measured:,} runs is drawn."
                for one in several[:MAX_FIGURES]
                if one.measured > len(one.history)
            ),
            *showing_latest(len(several)),
        )
        if data.configurations
        else (),
        figures=figures,
        tables=tuple(_history_tables(data.configurations)),
        empty_message="" if data.configurations else "There are no results.",
        is_grid=True,
    )


def _history_tables(configurations: Sequence[Configuration]) -> Iterator[Table]:
    if configurations:
        yield tables.changes_table(configurations)
    if (found := change_points_table(configurations)).rows:
        yield found


def _history_figure(at: int, one: Configuration) -> Figure:
    unit = one.latest.unit if one.latest else "sample"
    rows = [_history_row(point) for point in one.history]
    changes = [
        at for at, pair in enumerate(pairwise(one.history), 1) if _environment_differs(*pair)
    ]
    for position in changes if len(changes) <= _MAX_MARKS else ():
        rows[position]["is_new"] = True
    described = f"{unit.capitalize()}s per second of {one.label} over time."
    spec = time_charts.history(rows, unit, change_point_rows(one))
    notes = tuple(_change_note(change) for change in one.changes)
    return Figure(f"chart-history-{at}", one.label, described, spec, _history_table(one), notes)


def _change_note(change: Change) -> str:
    effect = change.pair.effect
    interval = ratio_interval_text(effect.interval) or "no interval"
    reason = f"; {effect.reason}" if effect.reason else ""
    ratio = f"{ratio_text(effect.ratio)} ({interval})"
    return f"Against {change.since}: {effect.verdict}, {ratio}{reason}."


def _history_row(point: Point) -> dict[str, Any]:
    return {
        "run": point.run,
        "started_ms": point.started_ms,
        "started": point.started_at,
        "rate": point.rate.per_s,
        "low": point.rate.low_per_s,
        "high": point.rate.high_per_s,
        "environment": point.environment,
        "is_new": False,
    }


def _environment_differs(before: Point, after: Point) -> bool:
    return before.environment != after.environment


def _history_table(one: Configuration) -> Table:
    columns = (
        *(Column("Run", is_number=True), Column("Started"), *tables.RATE_COLUMNS),
        Column("Environment", is_number=True),
    )
    rows = tuple(
        (
            number(point.run, str(point.run)),
            Cell(point.started_at, point.started_ms),
            *tables.rate_cells(point.rate),
            number(point.environment, str(point.environment)),
        )
        for point in reversed(one.history)
    )
    return Table(f"History of {one.label}", columns, rows)
