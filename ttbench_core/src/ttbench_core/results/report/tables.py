"""The data of a report as tables, for HTML and for Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ttbench_core.record.formatting import format_duration, format_number
from ttbench_core.results.report.comparison_tables import DOUBT_COLUMNS, doubt_cells, effect_cells
from ttbench_core.results.report.page_elements import (
    Cell,
    Column,
    Table,
    number,
    text,
    without_empty_columns,
)
from ttbench_core.results.report.report_data import (
    Change,
    Configuration,
    Environment,
    Rate,
    ReportData,
    Run,
)

__all__ = [
    "RATE_COLUMNS",
    "changes_table",
    "environment_table",
    "failures_table",
    "interval_text",
    "rate_cells",
    "rate_text",
    "runs_table",
]

RATE_COLUMNS: Final = (
    Column("Throughput", is_number=True),
    Column("95 % interval", is_number=True),
)


def runs_table(data: ReportData) -> Table:
    """Return one row per run, the latest first."""
    columns = (
        *(Column("Run", is_number=True), Column("Configuration", is_wide=True)),
        *(
            *RATE_COLUMNS,
            Column("Verdict"),
            Column("Status"),
            Column("Latency p50", is_number=True),
        ),
        *(Column("Outputs"), Column("Started", is_number=True), Column("How it ran", is_wide=True)),
        *(Column("Environment", is_number=True), Column("Error", is_wide=True)),
    )
    shown = len(data.runs)
    caption = f"All {shown} runs" if shown == data.total else f"The latest {shown} runs"
    rows = tuple(_run_row(run, data.label_of(run.key)) for run in data.runs)
    return without_empty_columns(Table(f"{caption}, the last first", columns, rows))


def failures_table(data: ReportData) -> Table:
    """Return the runs that failed or were interrupted."""
    rows = tuple(
        (
            number(run.number, str(run.number)),
            text(data.label_of(run.key)),
            text(run.status, tone="failed"),
            text(run.error or "no reason was recorded"),
        )
        for run in data.failed_runs
    )
    columns = (Column("Run", is_number=True), *map(Column, ("Configuration", "Status", "Error")))
    return Table("Runs that failed or were interrupted", columns, rows)


def changes_table(configurations: Iterable[Configuration]) -> Table:
    """Return the changes of each configuration."""
    columns = (
        *(Column("Configuration", is_wide=True), Column("Runs", is_number=True)),
        *(Column("Failed", is_number=True), *RATE_COLUMNS, Column("Latest against", is_wide=True)),
        *(Column("Ratio", is_number=True), Column("95 % interval of the ratio", is_number=True)),
        *(Column("Verdict"), *DOUBT_COLUMNS, Column("What differs", is_wide=True)),
    )
    rows = tuple(
        _change_row(one, change) for one in configurations for change in one.changes or (None,)
    )
    return without_empty_columns(Table("Every configuration, and how it changed", columns, rows))


def environment_table(name: int, environment: Environment) -> Table:
    """Return the facts of an environment."""
    groups = (
        ("host", environment.host),
        ("device", tuple((f"device {at}", one) for at, one in enumerate(environment.devices))),
        ("version", environment.versions),
        ("variable", environment.variables),
    )
    rows = tuple(
        (text(fact), text(group), text(value)) for group, facts in groups for fact, value in facts
    )
    return Table(f"Environment {name}", tuple(map(Column, ("Fact", "Kind", "Value"))), rows)


def rate_cells(rate: Rate | None) -> tuple[Cell, Cell]:
    """Return a throughput and its interval."""
    if rate is None:
        return text(""), text("")
    return number(rate.per_s, rate_text(rate)), Cell(interval_text(rate), rate.low_per_s)


def rate_text(rate: Rate, unit: str = "") -> str:
    """Return a throughput as text."""
    return f"{format_number(rate.per_s)}{f' {unit}s/s' if unit else ''}"


def interval_text(rate: Rate) -> str:
    """Return an interval as text."""
    if rate.low_per_s is None or rate.high_per_s is None:
        return "none"
    return f"{format_number(rate.low_per_s)} to {format_number(rate.high_per_s)}"


def _run_row(run: Run, label: str) -> tuple[Cell, ...]:
    p50 = run.cells.get("latency_p50_ns")
    right = run.cells.get("outputs_right")
    rate, interval = rate_cells(run.rate)
    with_unit = Cell(rate_text(run.rate, run.unit), rate.order) if run.rate else rate
    return (
        number(run.number, str(run.number)),
        text(label),
        with_unit,
        interval,
        text(run.cells.get("verdict"), tone="doubtful" if run.is_doubtful else ""),
        text(run.status, tone="" if run.status == "ok" else "failed"),
        number(p50, format_duration(p50)) if isinstance(p50, int) else text(""),
        text("wrong", tone="failed") if right is False else text("right" if right else ""),
        Cell(_short_time(run.started_at), run.started_ms),
        text(run.ran),
        Cell(str(run.environment), run.environment, target=f"environment-{run.environment}"),
        text(run.error),
    )


def _short_time(started_at: str) -> str:
    date, mark, rest = started_at.partition("T")
    return f"{date} {rest[:5]}" if mark and len(date) == 10 else started_at


def _change_row(one: Configuration, change: Change | None) -> tuple[Cell, ...]:
    rate, interval = rate_cells(one.latest.rate if one.latest else None)
    unit = one.latest.unit if one.latest else ""
    with_unit = Cell(f"{rate.text} {unit}s/s", rate.order) if rate.text else rate
    start = (
        text(one.label),
        number(one.runs, f"{one.runs:,}"),
        number(one.failures, f"{one.failures:,}", tone="failed" if one.failures else ""),
        *(with_unit, interval),
    )
    if change is None:
        return (*start, text("nothing: one run with a number"), *[text("")] * 6)
    counts = f"{len(change.old_runs)} against {len(change.new_runs)}"
    differs = "; ".join(map(str, change.pair.surroundings))
    return (
        *start,
        text(f"{change.since} ({counts})"),
        *effect_cells(change.pair),
        *doubt_cells(change.pair),
        text(differs or "nothing that is recorded"),
    )
