"""Facts as tables, for the page and for Markdown alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ttbench_core.record.formatting import format_duration, format_number, format_quantity
from ttbench_core.results.report.comparison_tables import effect_cells
from ttbench_core.results.report.facts import (
    Change,
    Configuration,
    Environment,
    Gathered,
    Rate,
    Run,
)
from ttbench_core.results.report.view import Cell, Column, Table, number, text, trimmed

__all__ = [
    "RATE_COLUMNS",
    "changes_table",
    "environment_table",
    "failures_table",
    "interval_text",
    "rate_cells",
    "rate_text",
    "roofline_cells",
    "runs_table",
]

RATE_COLUMNS: Final = (
    Column("Throughput", is_number=True),
    Column("95 % interval", is_number=True),
)


def runs_table(gathered: Gathered) -> Table:
    """Give one row a run, the latest first."""
    labels = {one.key: one.label for one in gathered.configurations}
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
    shown = len(gathered.runs)
    caption = f"All {shown} runs" if shown == gathered.total else f"The latest {shown} runs"
    rows = tuple(_run_row(run, labels.get(run.key, run.key.title)) for run in gathered.runs)
    return trimmed(Table(f"{caption}, the last first", columns, rows))


def failures_table(gathered: Gathered) -> Table:
    """Give the runs that did not go through."""
    labels = {one.key: one.label for one in gathered.configurations}
    rows = tuple(
        (
            number(run.number, str(run.number)),
            text(labels.get(run.key, run.key.title)),
            text(run.status, tone="failed"),
            text(run.error or "no reason was recorded"),
        )
        for run in gathered.failed_runs
    )
    heads = (Column("Run", is_number=True), *map(Column, ("Configuration", "Status", "Error")))
    return Table("Runs that failed or were interrupted", heads, rows)


def changes_table(configurations: Iterable[Configuration]) -> Table:
    """Give what became of each configuration."""
    columns = (
        *(Column("Configuration", is_wide=True), Column("Runs", is_number=True)),
        *(Column("Failed", is_number=True), *RATE_COLUMNS, Column("Latest against", is_wide=True)),
        *(Column("Ratio", is_number=True), Column("95 % interval of the ratio", is_number=True)),
        *(Column("Verdict"), Column("What differs", is_wide=True)),
    )
    rows = tuple(
        _change_row(one, change) for one in configurations for change in one.changes or (None,)
    )
    return trimmed(Table("Every configuration, and how it changed", columns, rows))


def environment_table(name: int, environment: Environment) -> Table:
    """Give the facts of an environment."""
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
    """Give a throughput and its interval."""
    if rate is None:
        return text(""), text("")
    return number(rate.per_s, rate_text(rate)), Cell(interval_text(rate), rate.low_per_s)


def rate_text(rate: Rate, unit: str = "") -> str:
    """Say a throughput."""
    return f"{format_number(rate.per_s)}{f' {unit}s/s' if unit else ''}"


def interval_text(rate: Rate) -> str:
    """Say an interval."""
    if rate.low_per_s is None or rate.high_per_s is None:
        return "none"
    return f"{format_number(rate.low_per_s)} to {format_number(rate.high_per_s)}"


def _run_row(run: Run, label: str) -> tuple[Cell, ...]:
    p50 = run.cells.get("latency_p50_ns")
    right = run.cells.get("outputs_right")
    rate, interval = rate_cells(run.rate)
    shown = Cell(rate_text(run.rate, run.unit), rate.order) if run.rate else rate
    return (
        number(run.number, str(run.number)),
        text(label),
        shown,
        interval,
        text(run.cells.get("verdict"), tone="doubtful" if run.is_doubtful else ""),
        text(run.status, tone="" if run.status == "ok" else "failed"),
        number(p50, format_duration(p50)) if isinstance(p50, int) else text(""),
        text("wrong", tone="failed") if right is False else text("right" if right else ""),
        Cell(_moment(run.started_at), run.started_ms),
        text(run.ran),
        Cell(str(run.environment), run.environment, target=f"environment-{run.environment}"),
        text(run.error),
    )


def _moment(started_at: str) -> str:
    date, mark, rest = started_at.partition("T")
    return f"{date} {rest[:5]}" if mark and len(date) == 10 else started_at


def _change_row(one: Configuration, change: Change | None) -> tuple[Cell, ...]:
    rate, interval = rate_cells(one.latest.rate if one.latest else None)
    unit = one.latest.unit if one.latest else ""
    shown = Cell(f"{rate.text} {unit}s/s", rate.order) if rate.text else rate
    start = (
        text(one.label),
        number(one.runs, f"{one.runs:,}"),
        number(one.failures, f"{one.failures:,}", tone="failed" if one.failures else ""),
        *(shown, interval),
    )
    if change is None:
        return (*start, text("nothing: one run with a number"), *[text("")] * 4)
    counts = f"{len(change.old_runs)} against {len(change.new_runs)}"
    differs = "; ".join(map(str, change.pair.surroundings))
    return (
        *start,
        text(f"{change.since} ({counts})"),
        *effect_cells(change.pair),
        text(differs or "nothing that is recorded"),
    )


def roofline_cells(run: Run) -> tuple[Cell, ...]:
    """Give what a run reached of its machine: rates, share, and FLOPs a byte at the peaks."""
    share = _amount(run, "roofline_share")
    peak, memory = _amount(run, "peak_flops_per_s"), _amount(run, "peak_bytes_per_s")
    balance = peak / memory if peak and memory else None
    rates = [(_amount(run, name), unit) for name, unit in _ROOFLINE]
    return (
        *(
            text("") if rate is None else number(rate, format_quantity(rate, unit))
            for rate, unit in rates
        ),
        text("") if share is None else number(share, f"{share:.1%}"),
        text("") if balance is None else number(balance, format_number(balance, 3)),
    )


def _amount(run: Run, name: str) -> float | None:
    value = run.cells.get(name)
    return float(value) if isinstance(value, (int, float)) else None


_ROOFLINE: Final = (
    ("flops_per_s", "FLOP/s"),
    ("peak_flops_per_s", "FLOP/s"),
    ("peak_bytes_per_s", "B/s"),
)
