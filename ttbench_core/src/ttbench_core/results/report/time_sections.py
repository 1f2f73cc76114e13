"""Sections about time: latency and passes; one figure per configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ttbench_core.record.formatting import format_duration
from ttbench_core.results.report import time_charts
from ttbench_core.results.report.page_elements import (
    MAX_FIGURES,
    Cell,
    Column,
    Figure,
    Section,
    Table,
    number,
    showing_latest,
    text,
)
from ttbench_core.results.report.report_data import Configuration, Detail, ReportData

__all__ = ["detail_sections"]

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


def detail_sections(data: ReportData) -> Iterator[Section]:
    """Yield the sections of the latencies of inputs and the times of passes."""
    with_latency = [one for one in data.configurations if any(d.latency for d in one.details)]
    with_passes = [one for one in data.configurations if any(d.passes for d in one.details)]
    drawn = tuple(_latency_figure(*one) for one in enumerate(with_latency[:MAX_FIGURES]))
    yield _grid(
        ("latency", "Latency"),
        drawn,
        (_LATENCY_NOTE, *showing_latest(len(with_latency))),
        "No run has the times of its inputs.",
    )
    drawn = tuple(_passes_figure(*one) for one in enumerate(with_passes[:MAX_FIGURES]))
    yield _grid(
        ("passes", "Pass by pass"),
        drawn,
        (
            _PASSES_NOTE,
            *_thinning_notes(with_passes[:MAX_FIGURES]),
            *showing_latest(len(with_passes)),
        ),
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
