"""Tables in HTML, as notebooks show results. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

__all__ = ["labelled_table", "titled_table"]

_LEFT: Final = "style='text-align:left'"


def labelled_table(rows: Iterable[tuple[str, str]]) -> str:
    """Give a table of labels and texts."""
    cells = (
        f"<tr><th {_LEFT}>{escape(label)}</th><td {_LEFT}>{escape(text)}</td></tr>"
        for label, text in rows
    )
    return f"<table>{''.join(cells)}</table>"


def titled_table(header: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table with titles of its columns."""
    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
