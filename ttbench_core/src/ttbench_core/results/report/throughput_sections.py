"""Sections about throughput: by configuration, by microbatch, by data format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from ttbench_core.results.comparison import Key
from ttbench_core.results.comparison.key import unique_labels
from ttbench_core.results.report import tables, throughput_charts
from ttbench_core.results.report.page_elements import (
    MAX_CHART_ROWS,
    Cell,
    Column,
    Figure,
    Section,
    Table,
    number,
    shorten_label,
    showing,
    text,
)
from ttbench_core.results.report.report_data import Configuration, Rate, ReportData, Run

__all__ = ["format_section", "microbatch_section", "throughput_section"]

#: The number of colours.
_MAX_SERIES: Final = 8
_MAX_FIGURES: Final = 12
_NAME: Final = Column("Configuration")
_LATEST_NOTE: Final = (
    "The latest run of each configuration that has a number, with the 95 % interval that its"
    " record gives; where it gives none, none is drawn."
)
_SERIES_NOTE: Final = "The latest run of each, of configurations that are alike in everything else."


def throughput_section(data: ReportData) -> Section:
    """Return the latest throughput of each configuration."""
    measured = data.measured()
    figures: list[Figure] = []
    for unit, group in _by_unit(measured):
        rows = [
            {"label": one.label, **_rate_row(run.rate), "trust": _verdict(run)}
            for one, run in group[:MAX_CHART_ROWS]
        ]
        described = f"{unit.capitalize()}s per second of the latest run of each configuration."
        figures.append(
            Figure(
                f"chart-throughput-{len(figures)}",
                f"{unit.capitalize()}s per second, with 95 % intervals",
                described,
                throughput_charts.throughputs(rows, unit),
                _rates_table(f"{unit.capitalize()}s per second", group),
            )
        )
    return Section(
        "throughput",
        "Throughput",
        notes=(
            _LATEST_NOTE,
            *showing(len(measured), MAX_CHART_ROWS, "configurations; the table has all"),
        )
        if measured
        else (),
        figures=tuple(figures),
        empty_message="" if figures else "No run has a throughput.",
    )


def microbatch_section(data: ReportData) -> Section:
    """Return throughput by microbatch, of configurations that differ in nothing else."""
    figures: list[Figure] = []
    for (model, unit), rows in _by_model(_series_rows(data, "microbatch")):
        title = f"{model}, {unit}s per second"
        described = f"Throughput of {model} by the samples of an input."
        table = _series_table(f"Throughput by microbatch, {title}", "microbatch", rows)
        spec = throughput_charts.by_microbatch(rows, unit)
        figures.append(Figure(f"chart-microbatch-{len(figures)}", title, described, spec, table))
    return Section(
        "microbatch",
        "Batch sizes",
        notes=(_SERIES_NOTE, *showing(len(figures), _MAX_FIGURES, "models")) if figures else (),
        figures=tuple(figures[:_MAX_FIGURES]),
        empty_message="" if figures else "No two configurations differ in microbatch alone.",
        is_grid=True,
    )


def format_section(data: ReportData) -> Section:
    """Return throughput by data format, of configurations that differ in nothing else."""
    found = _series_rows(data, "dataformat")
    figures: list[Figure] = []
    for unit in dict.fromkeys(row["unit"] for row in found):
        rows = [row for row in found if row["unit"] == unit]
        title = f"Throughput by data format, {unit}s per second"
        table = _series_table(title, "dataformat", rows)
        series = list(dict.fromkeys(row["series"] for row in rows))[:MAX_CHART_ROWS]
        spec = throughput_charts.by_format([row for row in rows if row["series"] in series], unit)
        figures.append(Figure(f"chart-dataformat-{len(figures)}", title, title, spec, table))
    return Section(
        "dataformat",
        "Data formats",
        notes=(_SERIES_NOTE,) if figures else (),
        figures=tuple(figures),
        empty_message="" if figures else "No two configurations differ in dataformat alone.",
    )


def _series_rows(data: ReportData, name: str) -> list[dict[str, Any]]:
    """Return rows of the latest runs of configurations that differ in one name alone."""
    series: dict[Key, list[tuple[Any, Run]]] = {}
    for one, run in data.measured():
        value = one.key.get(name)
        if isinstance(value, str) or (isinstance(value, int) and value > 0):
            series.setdefault(one.key.without([name]), []).append((value, run))
    comparable = {key: found for key, found in series.items() if len(found) > 1}
    labels = unique_labels({key: key.title for key in comparable})
    return [
        {
            "model": key.title,
            "series": shorten_label(labels[key]),
            "unit": run.unit,
            name: value,
            **_rate_row(run.rate),
        }
        for key, found in comparable.items()
        for value, run in sorted(found, key=lambda pair: (isinstance(pair[0], str), pair[0]))
    ]


def _by_model(
    rows: Sequence[dict[str, Any]],
) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """Yield the rows of each model, with at most `_MAX_SERIES` series."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["unit"]), []).append(row)
    for name, group in groups.items():
        series = list(dict.fromkeys(row["series"] for row in group))[:_MAX_SERIES]
        yield name, [row for row in group if row["series"] in series]


def _by_unit(
    measured: Sequence[tuple[Configuration, Run]],
) -> Iterator[tuple[str, list[tuple[Configuration, Run]]]]:
    ordered = sorted(measured, key=lambda pair: pair[1].unit)
    for unit, group in groupby(ordered, key=lambda pair: pair[1].unit):
        yield unit, list(group)


def _rate_row(rate: Rate | None) -> dict[str, float | None]:
    if rate is None:
        return {"rate": None, "low": None, "high": None}
    return {"rate": rate.per_s, "low": rate.low_per_s, "high": rate.high_per_s}


def _rates_table(caption: str, group: Iterable[tuple[Configuration, Run]]) -> Table:
    rows = tuple(
        (
            text(one.label),
            *tables.rate_cells(run.rate),
            text(_basis(run)),
            text(_verdict(run)),
        )
        for one, run in group
    )
    columns = (_NAME, *tables.RATE_COLUMNS, Column("Interval over"), Column("Verdict"))
    return Table(caption, columns, rows)


def _basis(run: Run) -> str:
    count, over = run.cells.get("replicates"), run.cells.get("interval_over")
    return f"{count or ''} {over or ''}".strip()


def _series_table(caption: str, name: str, rows: Iterable[dict[str, Any]]) -> Table:
    columns = (_NAME, Column(name, is_number=name == "microbatch"), *tables.RATE_COLUMNS)
    cells = tuple(
        (text(row["series"]), _value_cell(row[name]), *tables.rate_cells(_row_rate(row)))
        for row in rows
    )
    return Table(caption, columns, cells)


def _value_cell(value: str | int) -> Cell:
    return text(value) if isinstance(value, str) else number(value, str(value))


def _row_rate(row: dict[str, Any]) -> Rate:
    return Rate(row["rate"], row["low"], row["high"])


def _verdict(run: Run) -> str:
    return str(run.cells.get("verdict") or "none given")
