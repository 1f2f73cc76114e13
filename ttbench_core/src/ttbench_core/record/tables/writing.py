"""Rows as text: how cells look, and tables of them for files and other tools."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ttbench_core.record.formatting import duration, figure, printable, quantity
from ttbench_core.record.tables.cells import Cell
from ttbench_core.record.tables.columns import column

__all__ = ["as_csv", "as_markdown", "guarded", "text_of", "texts_of", "unguarded"]

Row = Mapping[str, Cell]

#: A spreadsheet takes text that begins so for a formula.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")


def texts_of(
    rows: Sequence[Row], names: Iterable[str], *, all_of_them: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Give titles and cells for people to read.

    Args:
        rows: cells by the names of their columns.
        names: the columns, in order.
        all_of_them: also those that no row has anything in.
    """
    shown = [name for name in names if all_of_them or any(_says(row, name) for row in rows)]
    return shown, [[text_of(name, row.get(name)) for name in shown] for row in rows]


def _says(row: Row, name: str) -> bool:
    # inference is what runs are, unless one trains
    return row.get(name) is not None and (name != "training" or bool(row[name]))


def text_of(name: str, cell: Cell) -> str:
    """Give a cell of a column for people to read, with the unit that its name promises."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    if name.endswith("_ns"):
        return duration(cell)
    if name.endswith("_bytes"):
        return quantity(cell, "B", binary=True)
    if name in ("half_width", "roofline_share"):
        return f"{cell:.1%}"
    if "flops" in name or name in ("parameters", "peak_bytes_per_s"):
        return quantity(cell, "").strip()
    return figure(cell) if column(name).kind is float else str(cell)


def as_csv(rows: Iterable[Row], names: Sequence[str], *, header: bool = True) -> str:
    """Give a CSV text of full values; what a spreadsheet would compute is guarded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if header:
        writer.writerow(names)
    for row in rows:
        writer.writerow([_written(row.get(name)) for name in names])
    return text.getvalue()


def as_markdown(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Give a table of GitHub's Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(markdown_text, line)) + " |" for line in lines)


def markdown_text(text: str) -> str:
    """Let any text stand in a cell of Markdown as it is, and move no cursor."""
    plain = printable(" ".join(text.split()))
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", plain)
    # a mention would call people: a joiner of no width takes its meaning
    return escaped.replace("@", "@\u2060")


def guarded(text: str) -> str:
    """Give a text that no spreadsheet takes for a formula; `unguarded` gives it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Give back what `guarded` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return guarded(cell)
    return repr(cell)
