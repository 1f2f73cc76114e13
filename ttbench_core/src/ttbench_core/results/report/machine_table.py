"""The best of each model on each machine, as a table."""

from __future__ import annotations

from ttbench_core.record.formatting import format_number
from ttbench_core.results.answer import Answer
from ttbench_core.results.answer.by_machine import MachineEntry, by_machine
from ttbench_core.results.answer.cost import eur_per_million
from ttbench_core.results.answer.naming import truncated
from ttbench_core.results.answer.wording import amount_text
from ttbench_core.results.report.page_elements import Cell, Column, Table, text

__all__ = ["machine_table"]


def machine_table(answer: Answer) -> Table | None:
    """Return one row per question and one column per machine; None for one machine alone."""
    found = by_machine(answer)
    if found is None:
        return None
    columns = (
        Column("Model", is_wide=True),
        *(Column(truncated(one), is_number=True) for one in found.machines),
    )
    rows = tuple(
        (
            text(label),
            *(_cell(answer, found.entries.get((question, one))) for one in found.machines),
        )
        for question, label in answer.questions.items()
    )
    return Table("The best of each model on each machine", columns, rows)


def _cell(answer: Answer, entry: MachineEntry | None) -> Cell:
    if entry is None:
        return text("")
    best = entry.best
    if best is None:
        reasons = dict.fromkeys(str(one.obstacle) for one in entry.cells)
        return Cell("none", tone="failed", hint=f"none may win: {'; '.join(reasons)}")
    eur = eur_per_million(best, answer.prices)
    size = answer.has_sizes(best.question) and best.microbatch is not None
    parts = [
        f"{entry.label}{f' at microbatch {best.microbatch}' if size else ''}",
        *([f"{amount_text(eur)} EUR a million {best.unit}s"] if eur is not None else []),
    ]
    rate = f"{format_number(best.rate or 0)} {best.unit}s/s"
    hint = f"outputs {best.outputs}, {best.verdict or 'no verdict'}"
    return Cell(rate, best.rate, remark=", ".join(parts), hint=hint)
