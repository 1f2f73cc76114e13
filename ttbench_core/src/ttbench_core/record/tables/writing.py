"""Rows as text: for people, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ttbench_core.record.formatting import (
    format_duration,
    format_number,
    format_quantity,
    printable,
)
from ttbench_core.record.tables.cells import Cell
from ttbench_core.record.tables.columns import column

__all__ = [
    "as_csv",
    "as_markdown",
    "cell_text",
    "escape_formula",
    "table_texts",
    "unescape_formula",
]

Row = Mapping[str, Cell]

#: The beginning of a text that a spreadsheet would run as a formula.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")


def table_texts(
    rows: Sequence[Row], names: Iterable[str], *, include_empty: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Give titles and cells as texts for people.

    Args:
        rows: cells by the names of their columns.
        names: the columns, in order.
        include_empty: whether columns are kept that are empty in all rows.
    """
    shown = [
        name for name in names if include_empty or any(_has_content(row, name) for row in rows)
    ]
    return shown, [[cell_text(name, row.get(name)) for name in shown] for row in rows]


def _has_content(row: Row, name: str) -> bool:
    # most runs are of inference: the column `training` counts where a run trains
    return row.get(name) is not None and (name != "training" or bool(row[name]))


def cell_text(name: str, cell: Cell) -> str:
    """Give a cell as text for people, with the unit that the name of its column has."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    if name.endswith("_ns"):
        return format_duration(cell)
    if name.endswith("_bytes"):
        return format_quantity(cell, "B", binary=True)
    if name in ("half_width", "roofline_share"):
        return f"{cell:.1%}"
    if "flops" in name or name in ("parameters", "peak_bytes_per_s"):
        return format_quantity(cell, "").strip()
    return format_number(cell) if column(name).kind is float else str(cell)


def as_csv(rows: Iterable[Row], names: Sequence[str], *, header: bool = True) -> str:
    """Give rows as CSV, with all digits; formulas of spreadsheets are escaped."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if header:
        writer.writerow(names)
    for row in rows:
        writer.writerow([_csv_text(row.get(name)) for name in names])
    return text.getvalue()


def as_markdown(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Give a table in GitHub's Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(escape_markdown, line)) + " |" for line in lines)


def escape_markdown(text: str) -> str:
    """Escape a text so that a cell of Markdown shows it as it is."""
    plain = printable(" ".join(text.split()))
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", plain)
    # a zero-width joiner keeps GitHub from notifying the people that are mentioned
    return escaped.replace("@", "@\u2060")


def escape_formula(text: str) -> str:
    """Escape a text that a spreadsheet would run as a formula; see `unescape_formula`."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """Undo `escape_formula`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _csv_text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return escape_formula(cell)
    return repr(cell)
