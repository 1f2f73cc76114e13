"""An answer as tables: the matrix of ratios, and all that is known of each cell."""

from __future__ import annotations

import math
from typing import Final

from ttbench_core.record.formatting import format_duration, format_number
from ttbench_core.results.answer import Answer
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.contests import Entry, Row
from ttbench_core.results.answer.cost import eur_per_million, kwh_per_million
from ttbench_core.results.answer.wording import amount_text
from ttbench_core.results.comparison import DEFAULT_BAND
from ttbench_core.results.comparison.effect import ratio_interval_text, ratio_text
from ttbench_core.results.report.page_elements import (
    Cell,
    Column,
    Table,
    number,
    text,
    without_empty_columns,
)

__all__ = ["cells_table", "matrix_table"]

#: Ratios from which a colour is stronger, up and down alike.
_STEPS: Final = (1 + DEFAULT_BAND, 2.0, 4.0)
_MAX_REMARK: Final = 60
_UNKNOWN: Final = text("")


def matrix_table(answer: Answer) -> Table:
    """Return one row per model and microbatch, and one column per variant."""
    columns = (
        Column("Model", is_wide=True),
        *(Column(label, is_number=True) for label in answer.variants.values()),
    )
    rows = tuple(
        (
            text(answer.row_label(row)),
            *(_ratio_cell(row.entries.get(one)) for one in answer.variants),
        )
        for row in answer.rows
    )
    return Table("Throughput as a multiple of the baseline", columns, rows)


def cells_table(answer: Answer) -> Table:
    """Return one row per cell, with everything that is known of it."""
    columns = (
        *(Column("Model", is_wide=True), Column("Microbatch", is_number=True)),
        *(Column("Engine", is_wide=True), Column("Throughput", is_number=True)),
        *(Column("Ratio", is_number=True), Column("95 % interval", is_number=True)),
        *(Column("Latency p50", is_number=True), Column("Outputs"), Column("PCC", is_number=True)),
        *(Column("Relative L2", is_number=True), Column("Verdict")),
        *(Column("EUR a million", is_number=True), Column("kWh a million", is_number=True)),
        *(Column("Records", is_number=True), Column("Why it may not win", is_wide=True)),
    )
    rows = tuple(
        _cell_row(answer, row, entry) for row in answer.rows for entry in row.entries.values()
    )
    return without_empty_columns(Table("Every engine on every model", columns, rows))


def _ratio_cell(entry: Entry | None) -> Cell:
    if entry is None:
        return _UNKNOWN
    cell = entry.cell
    if cell.rate is None:
        reason = cell.failure or "no number"
        status, _, rest = reason.partition(": ")
        return Cell(status, tone="failed", remark=_shortened(rest), hint=reason)
    ratio = entry.ratio
    if ratio is None:
        return Cell(format_number(cell.rate), cell.rate, remark=_remark(entry), hint=_hint(entry))
    return Cell(
        ratio_text(ratio) if ratio < 0.1 else f"{ratio:.2f}",
        ratio,
        tone=_tone(ratio),
        remark=_remark(entry),
        hint=_hint(entry),
    )


def _tone(ratio: float) -> str:
    strength = sum(abs(math.log(ratio)) >= math.log(step) for step in _STEPS)
    return f"{'up' if ratio > 1 else 'down'}-{strength}" if strength else ""


def _remark(entry: Entry) -> str:
    words = [
        *(["baseline"] if entry.is_baseline else []),
        *(["best"] if entry.is_best else []),
        *([entry.cell.obstacle] if entry.cell.obstacle else []),
    ]
    return _shortened(", ".join(words))


def _hint(entry: Entry) -> str:
    cell = entry.cell
    parts = [f"{format_number(cell.rate or 0)} {cell.unit}s/s"]
    if entry.pair is not None:
        interval = ratio_interval_text(entry.pair.effect.interval)
        parts.append(f"ratio {interval}" if interval else "ratio without an interval")
    parts.append(f"outputs {cell.outputs}")
    parts.append(cell.verdict or "no verdict")
    return ", ".join(parts)


def _cell_row(answer: Answer, row: Row, entry: Entry) -> tuple[Cell, ...]:
    cell, effect = entry.cell, entry.pair.effect if entry.pair else None
    ratio, interval = entry.ratio, effect.interval if effect else None
    p50 = cell.latency_p50_ns
    return (
        text(answer.questions[row.question]),
        number(row.microbatch, str(row.microbatch)),
        text(answer.variants[cell.variant]),
        number(cell.rate, f"{format_number(cell.rate or 0)} {cell.unit}s/s"),
        number(ratio, "baseline" if entry.is_baseline else ratio_text(ratio or 0)),
        Cell(ratio_interval_text(interval), interval.low if interval else None),
        number(p50, format_duration(p50 or 0)),
        _outputs_cell(cell),
        number(cell.pcc, f"{cell.pcc or 0:.6f}"),
        number(cell.relative_l2, f"{cell.relative_l2 or 0:.3g}"),
        text(cell.verdict),
        _amount_cell(eur_per_million(cell, answer.prices)),
        _amount_cell(kwh_per_million(cell)),
        number(len(cell.runs) or None, str(len(cell.runs))),
        text(cell.obstacle, tone="" if cell.runs else "failed"),
    )


def _outputs_cell(cell: AnswerCell) -> Cell:
    if cell.rate is None:
        return _UNKNOWN
    return text(cell.outputs, tone="failed" if cell.outputs == "wrong" else "")


def _amount_cell(value: float | None) -> Cell:
    return number(value, amount_text(value or 0))


def _shortened(words: str) -> str:
    return words if len(words) <= _MAX_REMARK else f"{words[: _MAX_REMARK - 1]}…"
