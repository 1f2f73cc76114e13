"""Elements of a report, before they are HTML or Markdown: sections, figures, tables, cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "MAX_CHART_ROWS",
    "MAX_FIGURES",
    "Cell",
    "Column",
    "Figure",
    "Headline",
    "Section",
    "Table",
    "counted",
    "number",
    "plain_unit",
    "shorten_label",
    "showing",
    "showing_latest",
    "text",
    "without_empty_columns",
]

#: Configurations that get a figure.
MAX_FIGURES: Final = 12
#: Rows of a chart that can still be told apart; the tables have all.
MAX_CHART_ROWS: Final = 40

#: Names that a label does not need before their values.
_OMITTED_NAMES: Final = re.compile(r" (?:dataformat|device_name|backend)=(?=[^ ])")

#: Vega-Lite evaluates expressions in titles of charts, which contain the unit: only a word is safe.
_UNIT: Final = re.compile(r"[A-Za-z]{1,20}")


@dataclass(frozen=True)
class Column:
    """The header of a column."""

    title: str
    is_number: bool = False
    #: Whether its texts are long, so that it needs room for several words per line.
    is_wide: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell: its text, and the value that it is sorted by."""

    text: str
    order: str | float | None = None
    #: CSS class: `failed`, `doubtful`, `good`, `up-1` to `up-3`, `down-1` to `down-3`, or empty.
    tone: str = ""
    #: Id of an element of the page that the cell links to.
    target: str = ""
    #: A few words under the text.
    remark: str = ""
    #: More, for who points at the cell and for screen readers.
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption; its first column names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Headline:
    """A sentence or two about one thing, which its label names."""

    label: str
    text: str
    #: CSS class, as of a cell.
    tone: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart, and its numbers as a table."""

    name: str
    title: str
    #: Description of the chart for screen readers.
    description: str
    spec: Mapping[str, Any]
    table: Table
    #: Lines under the title.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """One part of the page. `empty_message` explains a section without content."""

    name: str
    title: str
    headlines: tuple[Headline, ...] = ()
    notes: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    #: Tables that are shown when they are asked for.
    folded_tables: tuple[Table, ...] = ()
    empty_message: str = ""
    #: Whether its figures are arranged side by side.
    is_grid: bool = False


def plain_unit(unit: object) -> str:
    """Return a unit, such as `token`, if it is a single word; else `sample`."""
    return str(unit) if unit and _UNIT.fullmatch(str(unit)) else "sample"


def shorten_label(label: str) -> str:
    """Shorten the label of a configuration: `bert base dataformat=Fp32` is `bert base Fp32`."""
    return _OMITTED_NAMES.sub(" ", label).replace(" microbatch=", " mb ").replace("=yes", "")


def without_empty_columns(table: Table) -> Table:
    """Return a table without the columns that are empty in every row."""
    used = [at for at, _ in enumerate(table.columns) if any(row[at].text for row in table.rows)]
    return Table(
        table.caption,
        tuple(table.columns[at] for at in used),
        tuple(tuple(row[at] for at in used) for row in table.rows),
    )


def text(value: object, *, tone: str = "", target: str = "") -> Cell:
    """Return a cell of text; empty for None."""
    return Cell("" if value is None else str(value), tone=tone, target=target)


def number(value: float | None, shown: str, *, tone: str = "") -> Cell:
    """Return a cell that is sorted by a number."""
    return Cell("" if value is None else shown, order=value, tone=tone)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun in singular or plural."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def showing(count: int, maximum: int, what: str) -> tuple[str, ...]:
    """Return a note that only a part is shown; nothing if all is."""
    return (f"Showing {maximum} of {count:,} {what}.",) if count > maximum else ()


def showing_latest(count: int) -> tuple[str, ...]:
    """Return a note that not every configuration has a figure; nothing if each has."""
    if count <= MAX_FIGURES:
        return ()
    return (f"Showing the {MAX_FIGURES} of {count:,} configurations that were measured last.",)
