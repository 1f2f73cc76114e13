"""One declared option, of an engine or of a model: its type, its values, how it is read."""

from __future__ import annotations

import math
import numbers
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Any, Final, Literal, Union

from ttbench_core.errors import OptionError, suggestion

__all__ = ["DeclaredOption", "OptionRole", "option_texts", "plain_value", "type_of_hint"]

_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")
#: The largest whole number that records and databases have room for.
_MAX_INTEGER: Final = 2**63 - 1


class OptionRole(Enum):
    """What the runner itself must know of an option."""

    NONE = "none"
    #: Its value is a kind of device, as of `-d`.
    DEVICE = "device"
    #: Its value is a file that the compiled model is saved to, instead of a measurement.
    IMAGE = "image"
    #: It asks for a trace after the passes.
    TRACE = "trace"
    #: Its value is how many inputs are handed over together: a pass is a multiple of it.
    GROUP = "group"


@dataclass(frozen=True)
class DeclaredOption:
    """One option of an engine or a model, as it is declared."""

    name: str
    #: `int`, `float`, `bool` or `str`; of an enumeration, its class.
    kind: type
    default: object
    help: str
    #: The values that it may have; empty where any of its kind will do.
    choices: tuple[object, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    #: How it is typed: `-B NAME`, or flags of its own, which only engines of the core have.
    flags: tuple[str, ...] = ()
    #: What takes it where it has no flag: `-B` of engines, `-M` of models.
    switch: str = "-B"
    metavar: str | None = None
    #: Whether runs with another value of it measure something else, for `compare`.
    compared: bool = True
    role: OptionRole = OptionRole.NONE

    @property
    def flag(self) -> str:
        """How it is typed, for messages: `--galaxy`, `-B lanes`."""
        return self.flags[-1] if self.flags else f"{self.switch} {self.name}"

    def read(self, value: object) -> object:
        """Read a value, or the text of one; raises `OptionError` for one that cannot be."""
        if value is None and self.default is None:
            return None
        if value == "" and self.kind is str:
            return self.default  # scripts for the original pass "" for none
        read = self._convert(value if isinstance(value, Enum) else plain_value(value))
        if self.choices and read not in self.choices:
            raise self._unknown(value)
        self._check_limits(read)
        return read

    def _convert(self, value: object) -> object:
        if self.kind is not float:
            self._check_size(value)  # first: Python refuses to print a very long number
        if issubclass(self.kind, Enum):
            return self._member(value)
        if isinstance(value, str) and self.kind is not str:
            return self._from_text(value)
        is_number = self.kind is float and isinstance(value, int) and not isinstance(value, bool)
        if type(value) is not self.kind and not is_number:
            raise self._misfit(value)
        try:
            converted: object = self.kind(value)  # type: ignore[call-arg]
        except OverflowError:
            raise self._infinite() from None
        return converted

    def _member(self, value: object) -> object:
        """Give the member that is the value, has it, or is typed like it."""
        members: list[Enum] = list(self.kind)  # type: ignore[call-overload]
        for one in members:
            is_like = isinstance(value, bool) == isinstance(one.value, bool)
            if value is one or (is_like and value == one.value):
                return one
        for one in members:
            if isinstance(value, str) and value == str(one.value):
                return one
        raise self._unknown(value)

    def _from_text(self, text: str) -> object:
        if self.kind is bool:
            if text.lower() not in (*_TRUE, *_FALSE):
                raise self._misfit(text)
            return text.lower() in _TRUE
        try:
            return self.kind(text)
        except ValueError:
            raise self._misfit(text) from None

    def _check_limits(self, value: object) -> None:
        if not isinstance(value, (int, float)):
            return
        self._check_size(value)
        low, high = self.minimum, self.maximum
        # written so that NaN is outside
        if not ((low is None or value >= low) and (high is None or value <= high)):
            above = "" if low is None else f"{low:g} or more"
            below = "" if high is None else f"{high:g} or less"
            limits = " and ".join(filter(None, (above, below)))
            raise OptionError(f"{self.flag} must be {limits}, not {value}")
        if isinstance(value, float) and not math.isfinite(value):
            raise self._infinite()

    def _check_size(self, value: object) -> None:
        if isinstance(value, int) and abs(value) > _MAX_INTEGER:
            raise OptionError(f"{self.flag} must be {-_MAX_INTEGER} to {_MAX_INTEGER}")

    def _infinite(self) -> OptionError:
        return OptionError(f"{self.flag} must be a finite number")

    def _misfit(self, value: object) -> OptionError:
        what = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        return OptionError(f"{self.flag} must be {what[self.kind]}, not {value!r}")

    def _unknown(self, value: object) -> OptionError:
        known = option_texts(self.choices)
        near = suggestion(value, known) if isinstance(value, str) else ""
        return OptionError(f"unknown {self.flag} {value!r}: one of {', '.join(known)}{near}")


def plain_value(value: object) -> object:
    """Give a value of an option as JSON has it; numbers of other libraries as Python's own."""
    plain = value.value if isinstance(value, Enum) else value
    if isinstance(plain, bool):
        return plain
    if isinstance(plain, numbers.Integral):
        return int(plain)
    return float(plain) if isinstance(plain, numbers.Real) else plain


def option_texts(values: Sequence[object]) -> list[str]:
    """Give values as they are typed."""
    return [str(plain_value(one)) for one in values]


def type_of_hint(hint: Any) -> tuple[type, tuple[object, ...]] | None:
    """Give the type of a value, and its choices, from a hint; None for what is no option.

    Reads `int`, `float`, `bool`, `str`, enumerations, `Literal` of one type, and each of them
    with None.
    """
    if typing.get_origin(hint) in (Union, UnionType):
        kinds = [one for one in typing.get_args(hint) if one is not type(None)]
        hint = kinds[0] if len(kinds) == 1 else None
    if typing.get_origin(hint) is Literal:
        values = tuple(one for one in typing.get_args(hint) if one is not None)
        types = {type(one) for one in values}
        kind = types.pop() if len(types) == 1 else None
        return (kind, values) if kind in (int, float, bool, str) else None
    if not isinstance(hint, type):
        return None
    if issubclass(hint, Enum):
        return hint, tuple(hint)
    return (hint, ()) if hint in (int, float, bool, str) else None
