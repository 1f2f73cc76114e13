"""Parts of a page that are about throughput: by configuration, size, format, and peak."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from ttbench_core.results.comparison import Key
from ttbench_core.results.comparison.key import labels_of
from ttbench_core.results.report import charts, tables
from ttbench_core.results.report.facts import Configuration, Gathered, Rate, Run
from ttbench_core.results.report.view import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    brief,
    number,
    text,
)

__all__ = ["format_section", "microbatch_section", "roofline_section", "throughput_section"]

#: Rows of a chart that are still told from each other; the tables have all.
_MOST_ROWS: Final = 40
#: As many as there are colours.
_MOST_SERIES: Final = 8
_MOST_FIGURES: Final = 12
_NAME: Final = Column("Configuration")
_LATEST: Final = (
    "The latest run of each configuration that has a number, with the 95 % interval that its"
    " record gives; where it gives none, none is drawn."
)
_ALIKE: Final = "The latest run of each, of configurations that are alike in everything else."
_ROOFLINE: Final = (
    "What the device stage reached, against the best matrix product of the same machine. Records"
    " hold no count of bytes moved, so there is no arithmetic intensity to draw a slope over:"
    " whether memory is the limit cannot be read from this. The balance is the FLOPs per byte from"
    " which on the machine could reach its peak."
)


def throughput_section(gathered: Gathered) -> Section:
    """Give the latest throughput of each configuration."""
    measured = _measured(gathered.configurations)
    figures: list[Figure] = []
    for unit, group in _by_unit(measured):
        rows = [
            {"label": one.label, **_rate_row(run.rate), "trust": _trust(run)}
            for one, run in group[:_MOST_ROWS]
        ]
        described = f"{unit.capitalize()}s per second of the latest run of each configuration."
        figures.append(
            Figure(
                f"chart-throughput-{len(figures)}",
                f"{unit.capitalize()}s per second, with 95 % intervals",
                described,
                charts.throughputs(rows, unit),
                _rates_table(f"{unit.capitalize()}s per second", group),
            )
        )
    return Section(
        "throughput",
        "Throughput",
        says=(
            _LATEST,
            *_shown(len(measured), _MOST_ROWS, "configurations; the table has all"),
        )
        if measured
        else (),
        figures=tuple(figures),
        absent="" if figures else "No run has a throughput.",
    )


def microbatch_section(gathered: Gathered) -> Section:
    """Give throughput by microbatch, of configurations that differ in nothing else."""
    figures: list[Figure] = []
    for (model, unit), rows in _by_model(_rows_over(gathered, "microbatch")):
        title = f"{model}, {unit}s per second"
        described = f"Throughput of {model} by the samples of an input."
        table = _series_table(f"Throughput by microbatch, {title}", "microbatch", rows)
        spec = charts.by_microbatch(rows, unit)
        figures.append(Figure(f"chart-microbatch-{len(figures)}", title, described, spec, table))
    return Section(
        "microbatch",
        "Batch sizes",
        says=(_ALIKE, *_shown(len(figures), _MOST_FIGURES, "models")) if figures else (),
        figures=tuple(figures[:_MOST_FIGURES]),
        absent="" if figures else "No two configurations differ in microbatch alone.",
        is_grid=True,
    )


def format_section(gathered: Gathered) -> Section:
    """Give throughput by data format, of configurations that differ in nothing else."""
    found = _rows_over(gathered, "dataformat")
    figures: list[Figure] = []
    for unit in dict.fromkeys(row["unit"] for row in found):
        rows = [row for row in found if row["unit"] == unit]
        title = f"Throughput by data format, {unit}s per second"
        table = _series_table(title, "dataformat", rows)
        series = list(dict.fromkeys(row["series"] for row in rows))[:_MOST_ROWS]
        spec = charts.by_format([row for row in rows if row["series"] in series], unit)
        figures.append(Figure(f"chart-dataformat-{len(figures)}", title, title, spec, table))
    return Section(
        "dataformat",
        "Data formats",
        says=(_ALIKE,) if figures else (),
        figures=tuple(figures),
        absent="" if figures else "No two configurations differ in dataformat alone.",
    )


def _rows_over(gathered: Gathered, name: str) -> list[dict[str, Any]]:
    """Give the latest run of configurations that are alike in everything but one name."""
    series: dict[Key, list[tuple[Any, Run]]] = {}
    for one, run in _measured(gathered.configurations):
        value = one.key.get(name)
        if isinstance(value, str) or (isinstance(value, int) and value > 0):
            series.setdefault(one.key.without([name]), []).append((value, run))
    several = {key: found for key, found in series.items() if len(found) > 1}
    labels = labels_of({key: key.title for key in several})
    return [
        {
            "model": key.title,
            "series": brief(labels[key]),
            "unit": run.unit,
            name: value,
            **_rate_row(run.rate),
        }
        for key, found in several.items()
        for value, run in sorted(found, key=lambda pair: (isinstance(pair[0], str), pair[0]))
    ]


def _by_model(
    rows: Sequence[dict[str, Any]],
) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """Give rows model by model, with as many series as there are colours."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["unit"]), []).append(row)
    for name, group in groups.items():
        series = list(dict.fromkeys(row["series"] for row in group))[:_MOST_SERIES]
        yield name, [row for row in group if row["series"] in series]


def roofline_section(gathered: Gathered) -> Section:
    """Give what was reached of the machine's peak."""
    found = [
        (one, run)
        for one, run in _measured(gathered.configurations)
        if _is_amount(run.cells.get("flops_per_s"))
        and _is_amount(run.cells.get("peak_flops_per_s"))
    ]
    if not found:
        return Section(
            "roofline", "Roofline", absent="No run has both its FLOP/s and its machine's peak."
        )
    rows = [
        {
            "label": one.label,
            "reached": run.cells["flops_per_s"],
            "peak": run.cells["peak_flops_per_s"],
            "share": run.cells.get("roofline_share"),
        }
        for one, run in found[:_MOST_ROWS]
    ]
    heads = (
        _NAME,
        *(Column(one, is_number=True) for one in ("Reached", "Peak", "Peak of memory")),
        *(Column(one, is_number=True) for one in ("Share of the peak", "Balance, FLOP/B")),
    )
    cells = tuple((text(one.label), *tables.roofline_cells(run)) for one, run in found)
    described = "Floating-point operations per second that were reached, and the machine's peak."
    return Section(
        "roofline",
        "Roofline",
        says=(_ROOFLINE,),
        figures=(
            Figure(
                "chart-roofline",
                "Reached and peak",
                described,
                charts.roofline(rows),
                Table("Reached and peak", heads, cells),
            ),
        ),
    )


def _measured(configurations: Iterable[Configuration]) -> list[tuple[Configuration, Run]]:
    """Give those with a number, by name."""
    found = [(one, one.latest) for one in configurations if one.latest is not None]
    return sorted(found, key=lambda pair: _natural(pair[0].label))


def _natural(label: str) -> list[tuple[bool, int, str]]:
    """Order 4 before 16."""
    parts = re.split(r"([0-9]{1,15})", label)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


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
        (text(one.label), *tables.rate_cells(run.rate), text(_over(run)), text(_trust(run)))
        for one, run in group
    )
    heads = (_NAME, *tables.RATE_COLUMNS, Column("Interval over"), Column("Verdict"))
    return Table(caption, heads, rows)


def _over(run: Run) -> str:
    count, over = run.cells.get("replicates"), run.cells.get("interval_over")
    return f"{count or ''} {over or ''}".strip()


def _series_table(caption: str, name: str, rows: Iterable[dict[str, Any]]) -> Table:
    heads = (_NAME, Column(name, is_number=name == "microbatch"), *tables.RATE_COLUMNS)
    cells = tuple(
        (text(row["series"]), _value(row[name]), *tables.rate_cells(_rate_of(row))) for row in rows
    )
    return Table(caption, heads, cells)


def _value(value: str | int) -> Cell:
    return text(value) if isinstance(value, str) else number(value, str(value))


def _rate_of(row: dict[str, Any]) -> Rate:
    return Rate(row["rate"], row["low"], row["high"])


def _trust(run: Run) -> str:
    return str(run.cells.get("verdict") or "none given")


def _is_amount(value: object) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _shown(count: int, most: int, what: str) -> tuple[str, ...]:
    return (f"Showing {most} of {count:,} {what}.",) if count > most else ()
