"""Results as a matrix: one row for each value of some columns, one column for each of another."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ttbench_core.errors import OptionError
from ttbench_core.record.result import Result
from ttbench_core.record.tables.cells import Cell, Column
from ttbench_core.record.tables.columns import column

__all__ = ["Pivot", "Shape", "parse_shape", "pivot"]

Labels = tuple[Cell, ...]


@dataclass(frozen=True)
class Shape:
    """Which columns give the rows and the columns of a matrix, and which one its cells."""

    rows: tuple[Column, ...]
    across: Column
    value: Column


@dataclass(frozen=True)
class Pivot:
    """A matrix of results."""

    shape: Shape
    #: The cells that name each row.
    row_labels: tuple[Labels, ...]
    column_labels: tuple[Cell, ...]
    #: By row and column: one value for all records there; None where no record has one.
    values: Mapping[tuple[Labels, Cell], Cell]
    #: By row and column: the statuses of the records where none has a value.
    statuses: Mapping[tuple[Labels, Cell], str]


def parse_shape(names: str, value: str) -> Shape:
    """Parse `model,backend`: the last name gives the columns, those before it the rows.

    Raises `OptionError`, with near misses, for a name that is no column.
    """
    found = [column(name.strip()) for name in names.split(",") if name.strip()]
    if len(found) < 2:
        raise OptionError(
            f"--pivot takes the columns of the rows and the column across, as model,backend: not"
            f" {names!r}"
        )
    if len(set(found)) < len(found):
        raise OptionError(f"--pivot names a column twice: {names!r}")
    return Shape(tuple(found[:-1]), found[-1], column(value))


def pivot(results: Iterable[Result], shape: Shape) -> Pivot:
    """Arrange results in a matrix; rows and columns are in the order of their values.

    Numbers of several records become their geometric mean, or their arithmetic mean where one
    is not positive; other values are listed, each once.
    """
    found: dict[tuple[Labels, Cell], list[Cell]] = {}
    statuses: dict[tuple[Labels, Cell], dict[str, None]] = {}
    for result in results:
        record = vars(result)
        place = (tuple(one.read(record) for one in shape.rows), shape.across.read(record))
        # a part of a measurement, as after Ctrl-C, is none
        found.setdefault(place, []).append(shape.value.read(record) if result.ok else None)
        statuses.setdefault(place, {})[str(result.status)] = None
    values = {place: _combined(cells) for place, cells in found.items()}
    return Pivot(
        shape=shape,
        row_labels=tuple(sorted({row for row, _ in found}, key=lambda row: [*map(_order, row)])),
        column_labels=tuple(sorted({across for _, across in found}, key=_order)),
        values=values,
        statuses={
            place: ", ".join(statuses[place]) for place, value in values.items() if value is None
        },
    )


def _combined(cells: Sequence[Cell]) -> Cell:
    known = [one for one in cells if one is not None]
    if not known:
        return None
    numbers = [one for one in known if isinstance(one, (int, float)) and not isinstance(one, bool)]
    if len(numbers) < len(known):
        return known[0] if len(set(known)) == 1 else ", ".join(dict.fromkeys(map(_text, known)))
    if len(set(numbers)) == 1:
        return numbers[0]
    finite = [float(one) for one in numbers if math.isfinite(one)]
    if not finite:
        return None
    if min(finite) > 0:
        return statistics.geometric_mean(finite)
    # divided first: the sum of the largest floats would overflow
    return sum(one / len(finite) for one in finite)


def _text(cell: Cell) -> str:
    return ("yes" if cell else "no") if isinstance(cell, bool) else str(cell)


def _order(cell: Cell) -> tuple[int, float, str]:
    """Order numbers by size, then texts, then what is not known."""
    if cell is None:
        return 2, 0.0, ""
    return (0, float(cell), "") if isinstance(cell, (int, float)) else (1, 0.0, cell)
