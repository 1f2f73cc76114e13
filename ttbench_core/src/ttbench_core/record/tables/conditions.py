"""Conditions on the columns of a result: `model=bert`, `samples_per_sec>=100`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.errors import OptionError
from ttbench_core.record.tables.cells import Cell, Column
from ttbench_core.record.tables.columns import column

__all__ = ["Condition", "parse_cell", "parse_condition"]

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION: Final = re.compile(r"\s*(\w+)\s*(!=|<=|>=|==|=|<|>)(.*)", re.DOTALL)
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Condition:
    """A condition on the cell of one column."""

    column: Column
    #: `=`, `!=`, `<`, `<=`, `>`, `>=`
    operator: str
    #: None is an empty cell.
    value: Cell

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record matches; an empty cell is neither below nor above anything."""
        cell = self.column.read(record)
        if self.operator not in ("=", "!=") and (cell is None or self.value is None):
            return False
        return _OPERATORS[self.operator](cell, self.value)


def parse_condition(text: str) -> Condition:
    """Parse a condition of the command line; raises `OptionError`."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise OptionError(
            "a filter is NAME=VALUE, or with != < <= > >= instead, such as model=bert,"
            f" not {text!r}"
        )
    tested = column(match[1])
    sign = "=" if match[2] == "==" else match[2]
    return Condition(tested, sign, parse_cell(tested, match[3].strip()))


def parse_cell(in_column: Column, text: str) -> Cell:
    """Convert a text to the type of a column; None if it is empty. Raises `OptionError`."""
    if text == "":
        return None
    try:
        if in_column.kind is bool:
            return _BOOLEANS[text.lower()]
        value: Cell = in_column.kind(text)
    except (KeyError, ValueError):
        wanted = {bool: "yes or no", int: "a whole number", float: "a number"}[in_column.kind]
        raise OptionError(f"{in_column.name} is {wanted}, not {text!r}") from None
    return value
