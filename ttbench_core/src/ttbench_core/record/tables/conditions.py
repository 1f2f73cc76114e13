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

__all__ = ["Condition", "condition", "typed"]

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WRITTEN: Final = re.compile(r"\s*(\w+)\s*(!=|<=|>=|==|=|<|>)(.*)", re.DOTALL)
_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Condition:
    """What a cell must be for its row to count."""

    column: Column
    #: `=`, `!=`, `<`, `<=`, `>`, `>=`
    operator: str
    #: None is an empty cell.
    value: Cell

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Say whether a record is meant; an empty cell is neither below nor above anything."""
        cell = self.column.read(record)
        if self.operator not in ("=", "!=") and (cell is None or self.value is None):
            return False
        return _OPERATORS[self.operator](cell, self.value)


def condition(text: str) -> Condition:
    """Read a condition as it is written on the command line; raises `OptionError`."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise OptionError(
            "a filter is NAME=VALUE, or with != < <= > >= instead, such as model=bert,"
            f" not {text!r}"
        )
    found = column(match[1])
    sign = "=" if match[2] == "==" else match[2]
    return Condition(found, sign, typed(found, match[3].strip()))


def typed(of: Column, text: str) -> Cell:
    """Give a text as the type of a column; empty text is an empty cell. Raises `OptionError`."""
    if text == "":
        return None
    try:
        if of.kind is bool:
            return _TRUTHS[text.lower()]
        value: Cell = of.kind(text)
    except (KeyError, ValueError):
        wanted = {bool: "yes or no", int: "a whole number", float: "a number"}[of.kind]
        raise OptionError(f"{of.name} is {wanted}, not {text!r}") from None
    return value
