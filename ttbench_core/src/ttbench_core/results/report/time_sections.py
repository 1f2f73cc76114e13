"""Sections about time: latency, passes, history; one figure per configuration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from ttbench_core.record.formatting import format_duration
from ttbench_core.results.comparison.effect import ratio_interval_text, ratio_text
from ttbench_core.results.report import tables, time_charts
from ttbench_core.results.report.page_elements import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    number,
    text,
)
from ttbench_core.results.report.report_data import Change, Configuration, Detail, Point, ReportData

__all__ = ["detail_sections", "history_section"]

#: Configurations that get a figure.
_MAX_FIGURES: Final = 12
#: With more changes than this, none is marked.
_MAX_MARKS: Final = 20
#: Shares of the inputs in the table of a distribution.
_TABLE_SHARES: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
_NS_PER_MS: Final = 1e6
_LATENCY_NOTE: Final = (
    "From the push of an input to its output, over all passes of a run; of the latest three runs"
    " of a configuration. A curve says which share of the inputs took how long at most."
)
_PASSES_NOTE: Final = (
    "How long each pass took, of the latest three runs of a configuration. Passes of one process"
    " are joined by a line."
)
_HISTORY_NOTE: Final = (
    "The latest runs of a configuration (five at most, of one environment) are compared with its"
    " first runs, and with the latest of the environment before. A dashed line in a chart marks"
    " the first run in another environment, where such are few."
)


def detail_sections(data: ReportData) -> Iterator[Section]:
    """Yield the sections of the latencies of inputs and the times of passes."""
    with_latency = [one for one in data.configurations if any(d.latency for d in one.details)]
    with_passes = [one for one in data.configurations if any(d.passes for d in one.details)]
    drawn = tuple(_latency_figure(*one) for one in enumerate(with_latency[:_MAX_FIGURES]))
    yield _grid(
        ("latency", "Latency"),
        drawn,
        (_LATENCY_NOTE, *_showing(len(with_latency))),
        "No run has the times of its inputs.",
    )
    drawn = tuple(_passes_figure(*one) for one in enumerate(with_passes[:_MAX_FIGURES]))
    yield _grid(
        ("passes", "Pass by pass"),
        drawn,
        (_PASSES_NOTE, *_thinning_notes(with_passes[:_MAX_FIGURES]), *_showing(len(with_passes))),
        "No run has the times of its passes.",
    )


def _grid(
    name_and_title: tuple[str, str],
    figures: tuple[Figure, ...],
    notes: tuple[str, ...],
    empty_message: str,
) -> Section:
    """Return a section of figures side by side with notes, or the reason why there are none."""
    name, title = name_and_title
    if not figures:
        return Section(name, title, empty_message=empty_message, is_grid=True)
    return Section(name, title, notes=notes, figures=figures, is_grid=True)


def history_section(data: ReportData) -> Section:
    """Return the section of all configurations over time, with their changes."""
    several = [one for one in data.configurations if len(one.history) > 1]
    figures = tuple(_history_figure(*one) for one in enumerate(several[:_MAX_FIGURES]))
    return Section(
        "history",
        "History",
        notes=(
            _HISTORY_NOTE,
            *(
                f"{one.label}: every {round(one.measured / len(one.history))}th of"
                f" {one.measured:,} runs is drawn."
                for one in several[:_MAX_FIGURES]
                if one.measured > len(one.history)
            ),
            *_showing(len(several)),
        )
        if data.configurations
        else (),
        figures=figures,
        tables=(tables.changes_table(data.configurations),) if data.configurations else (),
        empty_message="" if data.configurations else "There are no results.",
        is_grid=True,
    )


def _latency_figure(at: int, one: Configuration) -> Figure:
    rows = [
        {"run": detail.name, "share": quantile.share, "ms": quantile.ns / _NS_PER_MS}
        for detail in one.details
        for quantile in detail.latency
    ]
    described = f"Distribution of the latency of inputs of {one.label}."
    spec = time_charts.distributions(rows)
    return Figure(f"chart-latency-{at}", one.label, described, spec, _latency_table(one))


def _latency_table(one: Configuration) -> Table:
    details = [detail for detail in one.details if detail.latency]
    columns = (
        Column("Share of inputs", is_number=True),
        *(Column(f"{detail.name} (n={detail.inputs:,})", is_number=True) for detail in details),
    )
    rows = tuple(
        (number(share, f"{share:.0%}"), *(_quantile(detail, share) for detail in details))
        for share in _TABLE_SHARES
    )
    return Table(f"Latency that a share of the inputs kept to, {one.label}", columns, rows)


def _quantile(detail: Detail, share: float) -> Cell:
    ns = next((one.ns for one in detail.latency if one.share >= share - 1e-9), None)
    return _duration_cell(ns)


def _passes_figure(at: int, one: Configuration) -> Figure:
    rows = [
        {
            "run": detail.name,
            "process": f"{detail.name}, {each.process}",
            "pass": each.number,
            "ms": each.e2e_ns / _NS_PER_MS,
        }
        for detail in one.details
        for each in detail.passes
    ]
    described = f"Time of each pass of {one.label}."
    spec = time_charts.pass_times(rows)
    return Figure(f"chart-passes-{at}", one.label, described, spec, _passes_table(one))


def _passes_table(one: Configuration) -> Table:
    details = [detail for detail in one.details if detail.passes]
    times = [{each.number: each.e2e_ns for each in detail.passes} for detail in details]
    columns = (
        Column("Pass", is_number=True),
        *(Column(detail.name, is_number=True) for detail in details),
    )
    rows = tuple(
        (number(at, str(at)), *(_duration_cell(known.get(at)) for known in times))
        for at in sorted({at for known in times for at in known})
    )
    return Table(f"Time of each pass, {one.label}", columns, rows)


def _duration_cell(ns: float | None) -> Cell:
    return text("") if ns is None else number(ns, format_duration(ns))


def _thinning_notes(configurations: list[Configuration]) -> Iterator[str]:
    for one in configurations:
        for detail in one.details:
            if detail.pass_count > len(detail.passes):
                yield (
                    f"{one.label}, {detail.name}: {len(detail.passes)} of {detail.pass_count:,}"
                    " passes are drawn, the fastest and the slowest of each stretch."
                )


def _history_figure(at: int, one: Configuration) -> Figure:
    unit = one.latest.unit if one.latest else "sample"
    rows = [_history_row(point) for point in one.history]
    changes = [
        at for at, pair in enumerate(pairwise(one.history), 1) if _environment_differs(*pair)
    ]
    for position in changes if len(changes) <= _MAX_MARKS else ():
        rows[position]["is_new"] = True
    described = f"{unit.capitalize()}s per second of {one.label} over time."
    spec = time_charts.history(rows, unit)
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


def _showing(count: int) -> tuple[str, ...]:
    if count <= _MAX_FIGURES:
        return ()
    return (f"Showing the {_MAX_FIGURES} of {count:,} configurations that were measured last.",)
