"""Printing results as a matrix: `ttbench show --pivot model,backend`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from ttbench_core.cli.terminal import print_exact, print_line, print_table
from ttbench_core.record.tables.cells import Cell, Column
from ttbench_core.record.tables.writing import as_csv, as_markdown, cell_text
from ttbench_core.results.pivot import Labels, Pivot

__all__ = ["DEFAULT_VALUE", "PIVOT_FORMATS", "print_pivot"]

#: The column that a matrix shows where none is named.
DEFAULT_VALUE: Final = "samples_per_sec"
PIVOT_FORMATS: Final = ("table", "markdown", "csv", "json")
#: Title of the column, and text of the row, of records that have no value there.
_UNKNOWN: Final = "none"
#: Ends of the names of columns whose text has a unit.
_UNITS: Final = ("_ns", "_bytes")


def print_pivot(found: Pivot, chosen: str) -> None:
    """Print a matrix in one of `PIVOT_FORMATS`."""
    if chosen == "json":
        rows = [_record(found, row) for row in found.row_labels]
        print_exact(json.dumps(rows, allow_nan=False))
    elif chosen == "csv":
        print_exact(_csv(found), end="")
    elif not found.row_labels:
        print_line("no results")
    else:
        header, texts = _header(found), [_texts(found, row) for row in found.row_labels]
        if chosen == "markdown":
            print_exact(as_markdown(header, texts))
        else:
            print_table(header, texts)


def _record(found: Pivot, row: Labels) -> dict[str, Cell | dict[str, Cell]]:
    cells = {_exact_text(across): found.values.get((row, across)) for across in found.column_labels}
    names = (one.name for one in found.shape.rows)
    return {**dict(zip(names, row, strict=True)), "value": found.shape.value.name, "cells": cells}


def _csv(found: Pivot) -> str:
    lines: list[Sequence[Cell]] = [_header(found)]
    lines += [
        [*row, *(found.values.get((row, across)) for across in found.column_labels)]
        for row in found.row_labels
    ]
    # titles are values of records here: they are escaped as cells are, and may occur twice
    places = [str(at) for at in range(len(lines[0]))]
    return as_csv((dict(zip(places, line, strict=True)) for line in lines), places, header=False)


def _header(found: Pivot) -> list[str]:
    return [*(one.name for one in found.shape.rows), *_across_texts(found)]


def _across_texts(found: Pivot) -> list[str]:
    name = found.shape.across.name
    return [cell_text(name, one) or _UNKNOWN for one in found.column_labels]


def _texts(found: Pivot, row: Labels) -> list[str]:
    return [*_label_texts(found, row), *_cell_texts(found, row)]


def _label_texts(found: Pivot, row: Labels) -> Iterator[str]:
    for one, cell in zip(found.shape.rows, row, strict=True):
        yield cell_text(one.name, cell) or _UNKNOWN


def _cell_texts(found: Pivot, row: Labels) -> Iterator[str]:
    for across in found.column_labels:
        place = row, across
        text = _value_text(found.shape.value, found.values.get(place))
        yield text or found.statuses.get(place, "")


def _value_text(value: Column, cell: Cell) -> str:
    is_mean_of_counts = isinstance(cell, float) and value.kind is int
    if is_mean_of_counts and not value.name.endswith(_UNITS):
        return cell_text(DEFAULT_VALUE, cell)
    return cell_text(value.name, cell)


def _exact_text(cell: Cell) -> str:
    return "" if cell is None else json.dumps(cell) if not isinstance(cell, str) else cell
