"""Facts as GitHub's Markdown, for a pull request: short enough for a comment there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ttbench_core.record.tables.writing import as_markdown as table_markdown
from ttbench_core.record.tables.writing import escape_markdown
from ttbench_core.results.report import tables
from ttbench_core.results.report.comparison_tables import (
    comparison_table,
    one_sided_table,
    remarks_table,
)
from ttbench_core.results.report.extracting import clipped
from ttbench_core.results.report.facts import Gathered
from ttbench_core.results.report.view import Table, trimmed

__all__ = ["as_markdown"]

#: A comment on GitHub has 65,536 characters.
_MOST_ROWS: Final = 40
_MOST_ENVIRONMENTS: Final = 4
_LONGEST_CELL: Final = 120
_MOST_CHARACTERS: Final = 60_000


def as_markdown(gathered: Gathered, title: str) -> str:
    """Give the report of what was gathered."""
    text = f"# {escape_markdown(title)}\n"
    for number, part in enumerate(parts := list(_parts(gathered))):
        if len(text) + len(part) > _MOST_CHARACTERS:
            return f"{text}\n{len(parts) - number} parts are left out; the HTML report has them.\n"
        text += f"\n{part}\n"
    return text


def _parts(gathered: Gathered) -> Iterator[str]:
    if gathered.unlike is not None:
        yield f"Nothing compared with the baseline: {escape_markdown(gathered.unlike)}"
    if (found := gathered.comparison) is not None:
        yield from _part("Against the baseline", comparison_table(found))
        yield from _part("Failed, or on one side alone", one_sided_table(found))
        yield from _folded(remarks_table(found.pairs))
    yield _counts(gathered)
    yield from _part("Runs", tables.runs_table(gathered))
    yield from _part("Failed runs", tables.failures_table(gathered))
    if any(one.changes for one in gathered.configurations):
        yield from _part("History", tables.changes_table(gathered.configurations))
    shown = list(gathered.environments.items())[-_MOST_ENVIRONMENTS:]
    for name, environment in reversed(shown):
        yield from _folded(tables.environment_table(name, environment))
    if (rest := len(gathered.environments) - len(shown)) > 0:
        yield f"{rest} earlier environments are left out."


def _counts(gathered: Gathered) -> str:
    shown = min(len(gathered.runs), _MOST_ROWS)
    latest = f" The latest {shown} are shown." if shown < gathered.total else ""
    runs = f"{gathered.total:,} run{'' if gathered.total == 1 else 's'}"
    return f"{runs}, {gathered.failures or 'none'} of them failed or interrupted.{latest}"


def _part(title: str, table: Table) -> Iterator[str]:
    if table.rows:
        yield f"## {title}"
        yield _text(table)


def _folded(table: Table) -> Iterator[str]:
    if table.rows:
        summary = f"<summary>{table.caption}</summary>"
        yield f"<details>{summary}\n\n{_text(table)}\n\n</details>"


def _text(table: Table) -> str:
    shown = trimmed(table)
    rows = [[clipped(cell.text, _LONGEST_CELL) for cell in row] for row in shown.rows[:_MOST_ROWS]]
    text = table_markdown([column.title for column in shown.columns], rows)
    rest = len(table.rows) - len(rows)
    return f"{text}\n\nand {rest} more" if rest else text
