"""What a page consists of, before it is HTML or Markdown: sections, figures, tables, cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Cell", "Column", "Figure", "Section", "Table", "brief", "number", "text", "trimmed"]

#: What a label calls by name, though its value says it alone.
_NAMED: Final = re.compile(r" (?:dataformat|device_name|backend)=(?=[^ ])")


@dataclass(frozen=True)
class Column:
    """The head of a column."""

    title: str
    is_number: bool = False
    #: Whether its texts are long: it gets room for some words a line.
    is_wide: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell: what is read, and what it is sorted by."""

    text: str
    order: str | float | None = None
    #: How the cell is set off: `failed`, `doubtful`, `good`, or nothing.
    tone: str = ""
    #: An element of the page that the cell leads to.
    target: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption; its first column names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A chart, and the same figures as a table."""

    name: str
    title: str
    #: What a chart says to those who do not see it.
    description: str
    spec: Mapping[str, Any]
    table: Table
    #: What was found, under the title.
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """One part of the page. Where it has nothing to show, `absent` says why."""

    name: str
    title: str
    says: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    absent: str = ""
    #: Whether its figures stand side by side where there is room.
    is_grid: bool = False


def brief(label: str) -> str:
    """Shorten the label of a configuration: `bert base dataformat=Fp32` is `bert base Fp32`."""
    return _NAMED.sub(" ", label).replace(" microbatch=", " mb ").replace("=yes", "")


def trimmed(table: Table) -> Table:
    """Give a table without the columns that no row has anything in."""
    used = [at for at, _ in enumerate(table.columns) if any(row[at].text for row in table.rows)]
    return Table(
        table.caption,
        tuple(table.columns[at] for at in used),
        tuple(tuple(row[at] for at in used) for row in table.rows),
    )


def text(value: object, *, tone: str = "", target: str = "") -> Cell:
    """Give a cell of text; empty for None."""
    return Cell("" if value is None else str(value), tone=tone, target=target)


def number(value: float | None, shown: str, *, tone: str = "") -> Cell:
    """Give a cell that is sorted by its number."""
    return Cell("" if value is None else shown, order=value, tone=tone)
