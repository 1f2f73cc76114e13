"""A report as GitHub Markdown, short enough for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ttbench_core.record.tables.writing import as_markdown as table_markdown
from ttbench_core.record.tables.writing import escape_markdown
from ttbench_core.results.answer import Answer
from ttbench_core.results.report import tables
from ttbench_core.results.report.answer_tables import matrix_table
from ttbench_core.results.report.answer_texts import headlines_of, matrix_notes
from ttbench_core.results.report.change_points import change_points_table
from ttbench_core.results.report.comparison_tables import (
    comparison_table,
    one_sided_table,
    remarks_table,
)
from ttbench_core.results.report.extracting import truncate
from ttbench_core.results.report.machine_table import machine_table
from ttbench_core.results.report.page_elements import Cell, Table, counted, without_empty_columns
from ttbench_core.results.report.report_data import ReportData

__all__ = ["as_markdown"]

#: A comment on GitHub has 65,536 characters.
_MAX_ROWS: Final = 40
_MAX_ENVIRONMENTS: Final = 4
_MAX_CELL: Final = 120
_MAX_CHARACTERS: Final = 60_000


def as_markdown(data: ReportData, title: str) -> str:
    """Return the report as text."""
    text = f"# {escape_markdown(title)}\n"
    for number, block in enumerate(blocks := list(_blocks(data))):
        if len(text) + len(block) > _MAX_CHARACTERS:
            return f"{text}\n{len(blocks) - number} parts are left out; the HTML report has them.\n"
        text += f"\n{block}\n"
    return text


def _blocks(data: ReportData) -> Iterator[str]:
    if data.answer is not None:
        yield from _answer_blocks(data.answer)
    if data.not_comparable is not None:
        yield f"Nothing compared with the baseline: {escape_markdown(data.not_comparable)}"
    if (found := data.comparison) is not None:
        yield from _titled("Against the baseline", comparison_table(found))
        yield from _titled("Failed, or on one side alone", one_sided_table(found))
        yield from _collapsible(remarks_table(found.pairs))
    yield _counts(data)
    yield from _titled("Runs", tables.runs_table(data))
    yield from _foreign_notes(data)
    yield from _titled("Failed runs", tables.failures_table(data))
    if any(one.changes for one in data.configurations):
        yield from _titled("History", tables.changes_table(data.configurations))
    yield from _titled("Change points", change_points_table(data.configurations))
    shown = list(data.environments.items())[-_MAX_ENVIRONMENTS:]
    for name, environment in reversed(shown):
        yield from _collapsible(tables.environment_table(name, environment))
    if (rest := len(data.environments) - len(shown)) > 0:
        yield f"{rest} earlier environments are left out."


def _answer_blocks(answer: Answer) -> Iterator[str]:
    headlines = headlines_of(answer)
    lines = [
        f"* **{escape_markdown(one.label)}**: {escape_markdown(one.text)}"
        for one in headlines[:_MAX_ROWS]
    ]
    if (rest := len(headlines) - len(lines)) > 0:
        lines.append(f"* and {rest} more")
    yield "\n".join(["## Answer", "", *lines])
    if answer.rows:
        yield _text(matrix_table(answer))
        if (machines := machine_table(answer)) is not None:
            yield f"{machines.caption}:"
            yield _text(machines)
    yield " ".join(map(escape_markdown, matrix_notes(answer)))


def _counts(data: ReportData) -> str:
    shown = min(len(data.runs), _MAX_ROWS)
    latest = f" The latest {shown} are shown." if shown < data.total else ""
    runs = counted(data.total, "run")
    remarks = "".join(f" {one}." for one in data.remarks)
    return f"{runs}, {data.failures or 'none'} of them failed or interrupted.{latest}{remarks}"


def _foreign_notes(data: ReportData) -> Iterator[str]:
    """Give what the rates of other tools are of, each text once with its runs."""
    numbers: dict[str, list[int]] = {}
    for run in data.runs[:_MAX_ROWS]:
        for note in run.foreign_notes:
            numbers.setdefault(note, []).append(run.number)
    lines = [
        f"* {'run' if len(of) == 1 else 'runs'} {', '.join(map(str, of))}: {escape_markdown(note)}"
        for note, of in numbers.items()
    ]
    if lines:
        yield "\n".join(lines)


def _titled(title: str, table: Table) -> Iterator[str]:
    if table.rows:
        yield f"## {title}"
        yield _text(table)


def _collapsible(table: Table) -> Iterator[str]:
    if table.rows:
        summary = f"<summary>{table.caption}</summary>"
        yield f"<details>{summary}\n\n{_text(table)}\n\n</details>"


def _text(table: Table) -> str:
    shown = without_empty_columns(table)
    rows = [
        [truncate(_cell_text(cell), _MAX_CELL) for cell in row] for row in shown.rows[:_MAX_ROWS]
    ]
    text = table_markdown([column.title for column in shown.columns], rows)
    rest = len(table.rows) - len(rows)
    return f"{text}\n\nand {rest} more" if rest else text


def _cell_text(cell: Cell) -> str:
    return f"{cell.text} ({cell.remark})" if cell.remark else cell.text
