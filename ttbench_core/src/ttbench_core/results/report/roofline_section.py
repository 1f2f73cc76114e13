"""The section about the roofline: achieved rates against the peak of the machine."""

from __future__ import annotations

from typing import Final

from ttbench_core.record.formatting import format_number, format_quantity
from ttbench_core.results.report import throughput_charts
from ttbench_core.results.report.page_elements import (
    MAX_CHART_ROWS,
    Cell,
    Column,
    Figure,
    Section,
    Table,
    number,
    text,
)
from ttbench_core.results.report.report_data import ReportData, Run

__all__ = ["roofline_section"]

_NOTE: Final = (
    "What the device stage reached, against the best matrix product of the same machine. Records"
    " hold no count of bytes moved, so there is no arithmetic intensity to draw a slope over:"
    " whether memory is the limit cannot be read from this. The balance is the FLOPs per byte from"
    " which on the machine could reach its peak."
)
_RATES: Final = (
    ("flops_per_s", "FLOP/s"),
    ("peak_flops_per_s", "FLOP/s"),
    ("peak_bytes_per_s", "B/s"),
)


def roofline_section(data: ReportData) -> Section:
    """Return the achieved rates against the peak of the machine."""
    found = [
        (one, run)
        for one, run in data.measured()
        if _is_positive(run, "flops_per_s") and _is_positive(run, "peak_flops_per_s")
    ]
    if not found:
        return Section(
            "roofline",
            "Roofline",
            empty_message="No run has both its FLOP/s and its machine's peak.",
        )
    rows = [
        {
            "label": one.label,
            "reached": run.cells["flops_per_s"],
            "peak": run.cells["peak_flops_per_s"],
            "share": run.cells.get("roofline_share"),
        }
        for one, run in found[:MAX_CHART_ROWS]
    ]
    columns = (
        Column("Configuration"),
        *(Column(one, is_number=True) for one in ("Reached", "Peak", "Peak of memory")),
        *(Column(one, is_number=True) for one in ("Share of the peak", "Balance, FLOP/B")),
    )
    cells = tuple((text(one.label), *_cells(run)) for one, run in found)
    described = "Floating-point operations per second that were reached, and the machine's peak."
    return Section(
        "roofline",
        "Roofline",
        notes=(_NOTE,),
        figures=(
            Figure(
                "chart-roofline",
                "Reached and peak",
                described,
                throughput_charts.roofline(rows),
                Table("Reached and peak", columns, cells),
            ),
        ),
    )


def _cells(run: Run) -> tuple[Cell, ...]:
    """Return achieved and peak rates, the share of the peak, and the balance in FLOP per byte."""
    share = _amount(run, "roofline_share")
    peak, memory = _amount(run, "peak_flops_per_s"), _amount(run, "peak_bytes_per_s")
    balance = peak / memory if peak and memory else None
    rates = [(_amount(run, name), unit) for name, unit in _RATES]
    return (
        *(
            text("") if rate is None else number(rate, format_quantity(rate, unit))
            for rate, unit in rates
        ),
        text("") if share is None else number(share, f"{share:.1%}"),
        text("") if balance is None else number(balance, format_number(balance, 3)),
    )


def _is_positive(run: Run, name: str) -> bool:
    return (_amount(run, name) or 0) > 0


def _amount(run: Run, name: str) -> float | None:
    value = run.cells.get(name)
    return float(value) if isinstance(value, (int, float)) else None
