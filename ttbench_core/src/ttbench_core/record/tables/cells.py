"""One column of a table of records: where a record has its cell, and of what type that is."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ttbench_core.request.named_values import named_values_as_text

__all__ = ["Cell", "Column", "RecordPath", "put"]

Cell: TypeAlias = str | int | float | bool | None
#: Keys and positions that lead to a value from the top of a record.
RecordPath: TypeAlias = tuple[str | int, ...]

#: The largest integer that databases have room for.
_MAX_INTEGER: Final = 2**63 - 1


@dataclass(frozen=True)
class Column:
    """One column: its name, type and meaning, and where a record has it."""

    name: str
    #: `str`, `int`, `float` or `bool`; a cell is of this type or None.
    kind: type
    #: Where it is read from: the first of these that a record has.
    paths: tuple[RecordPath, ...]
    #: What it means, with the unit.
    description: str
    #: Whether the cell is the length of the list there, not the list itself.
    is_count: bool = False
    #: Gives the cell of a record, where no path leads to it; a row puts it at its path.
    compute: Callable[[Mapping[str, Any]], str | None] | None = None

    def read(self, record: Mapping[str, Any]) -> Cell:
        """Give the cell of a record; None where the record has nothing of this kind there."""
        if self.compute is not None:
            computed = self.compute(record)
            return None if computed is None else _as_cell(computed, self.kind)
        for path in self.paths:
            found = _at(record, path)
            if self.is_count and isinstance(found, (list, tuple)):
                return len(found) or None  # a record that was read from a table has lost them
            if found is not None:
                return _as_cell(found, self.kind)
        return None


def put(record: dict[str, Any], path: RecordPath, cell: Cell) -> None:
    """Put a cell into a record, with the mappings and lists that lead to it."""
    parent: Any = record
    for step, following in itertools.pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if not parent:
                parent.append(empty)
            parent = parent[step]
        else:
            if parent.get(step) is None:
                parent[step] = empty
            parent = parent[step]
    parent[path[-1]] = cell


def _at(record: Any, path: RecordPath) -> Any:
    value = record
    for step in path:
        if isinstance(step, int):
            is_there = isinstance(value, (list, tuple)) and len(value) > step
        else:
            is_there = isinstance(value, Mapping) and step in value
        if not is_there:
            return None
        value = value[step]
    return value


def _as_cell(value: Any, kind: type) -> Cell:
    """Convert a value to the type of its column; None where it has another."""
    if kind is bool:
        return value if isinstance(value, bool) else None
    if kind is str and isinstance(value, Mapping):
        text = named_values_as_text(value)
        return None if text is None else _storable(text)
    if kind is str:
        return _storable(value if isinstance(value, str) else str(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if kind is float:
        return float(value) if abs(value) <= sys.float_info.max else None
    return int(value) if abs(value) <= _MAX_INTEGER and int(value) == value else None


def _storable(text: str) -> str:
    """Give a text that every file and database takes: no lone surrogates, no null characters."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
