"""Options that an engine declares for itself, as the fields of a frozen dataclass.

    @dataclass(frozen=True)
    class Options:
        lanes: int = engine_option(4, help="Lanes to compute with", choices=(1, 2, 4))

The declaration says what the help, the checks, the record and `compare` need to know.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Any, Final, Union

from ttbench_core.errors import OptionError, suggestion

__all__ = [
    "EngineOption",
    "OptionRole",
    "declared_options",
    "engine_option",
    "make_options",
    "option_texts",
    "plain_value",
]

_METADATA: Final = "ttbench"
_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")


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
class EngineOption:
    """One option of an engine, as it is declared."""

    name: str
    #: `int`, `float`, `bool` or `str`; of an enumeration, its class.
    kind: type
    default: object
    help: str
    #: The values that it may have; empty where any of its kind will do.
    choices: tuple[object, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    #: Flags of its own; by default it is `-B NAME=VALUE`. Only engines of the core have any.
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    #: Whether runs with another value of it measure something else, for `compare`.
    compared: bool = True
    role: OptionRole = OptionRole.NONE

    @property
    def flag(self) -> str:
        """How it is typed, for messages: `--galaxy`, `-B lanes`."""
        return self.flags[-1] if self.flags else f"-B {self.name}"

    def read(self, value: object) -> object:
        """Read a value, or the text of one; raises `OptionError` for one that cannot be."""
        if value is None and self.default is None:
            return None
        if value == "" and self.kind is str:
            return self.default  # scripts for the original pass "" for none
        read = self._convert(value)
        if self.choices and read not in self.choices:
            raise self._unknown(value)
        self._check_limits(read)
        return read

    def _convert(self, value: object) -> object:
        if issubclass(self.kind, Enum):
            found = [one for one in self.kind if value in (one, one.value)]
            if not found:
                raise self._unknown(value)
            return found[0]
        if isinstance(value, str) and self.kind is not str:
            return self._from_text(value)
        is_number = self.kind is float and isinstance(value, int) and not isinstance(value, bool)
        if type(value) is not self.kind and not is_number:
            raise self._misfit(value)
        converted: object = self.kind(value)  # type: ignore[call-arg]
        return converted

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
        low, high = self.minimum, self.maximum
        # written so that NaN is outside
        fits = (low is None or value >= low) and (high is None or value <= high)
        if not fits or math.isnan(value):
            above = "" if low is None else f"{low:g} or more"
            below = "" if high is None else f"{high:g} or less"
            limits = " and ".join(filter(None, (above, below))) or "a number"
            raise OptionError(f"{self.flag} must be {limits}, not {value}")

    def _misfit(self, value: object) -> OptionError:
        what = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        return OptionError(f"{self.flag} must be {what[self.kind]}, not {value!r}")

    def _unknown(self, value: object) -> OptionError:
        known = option_texts(self.choices)
        near = suggestion(value, known) if isinstance(value, str) else ""
        return OptionError(f"unknown {self.flag} {value!r}: one of {', '.join(known)}{near}")


def engine_option(
    default: Any,
    *,
    help: str,  # noqa: A002 - as argparse has it
    choices: Sequence[object] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    flags: Sequence[str] = (),
    metavar: str | None = None,
    compared: bool = True,
    role: OptionRole = OptionRole.NONE,
) -> Any:
    """Declare an option of an engine: the default of a field of its dataclass.

    Args:
        default: what it is where nobody asks; None for an optional one.
        help: a sentence for `ttbench info --backend NAME`.
        choices: the values that it may have; those of an enumeration are known.
        minimum: the lowest number.
        maximum: the highest number.
        flags: flags of its own, of an engine that is part of ttbench-core.
        metavar: what the help shows for its value.
        compared: whether runs with another value of it measure something else; False for the
            path of a log, say.
        role: what the runner must know of it.
    """
    declaration = {
        "help": help,
        "choices": tuple(choices),
        "minimum": minimum,
        "maximum": maximum,
        "flags": tuple(flags),
        "metavar": metavar,
        "compared": compared,
        "role": role,
    }
    return dataclasses.field(default=default, metadata={_METADATA: declaration})


def declared_options(declared: type | None) -> tuple[EngineOption, ...]:
    """Give the options that a dataclass declares, in the order of its fields.

    Raises `TypeError` for what is no dataclass, and for a field that cannot be an option.
    """
    if declared is None:
        return ()
    if not isinstance(declared, type) or not dataclasses.is_dataclass(declared):
        raise TypeError(f"options are declared as a dataclass, not as {declared!r}")
    hints = typing.get_type_hints(declared)
    return tuple(_option(field, hints[field.name]) for field in dataclasses.fields(declared))


def make_options(declared: type, asked: Mapping[str, object]) -> Any:
    """Make the options of an engine from what was asked, checked.

    Args:
        declared: the dataclass.
        asked: values, or their texts, by names that it declares.

    Raises `OptionError`, also where the dataclass raises `ValueError` for values that
    contradict each other.
    """
    known = {option.name: option for option in declared_options(declared)}
    values = {name: known[name].read(value) for name, value in asked.items()}
    try:
        return declared(**values)
    except ValueError as error:
        raise OptionError(str(error)) from error


def plain_value(value: object) -> object:
    """Give a value of an option as JSON has it."""
    return value.value if isinstance(value, Enum) else value


def option_texts(values: Sequence[object]) -> list[str]:
    """Give values as they are typed."""
    return [str(plain_value(one)) for one in values]


def _option(field: dataclasses.Field[Any], hint: Any) -> EngineOption:
    kind = _kind(hint)
    if kind is None or field.default is dataclasses.MISSING:
        raise TypeError(
            f"option {field.name!r} must be an int, float, bool, str or enumeration with a default"
        )
    declaration: dict[str, Any] = {"help": "", **field.metadata.get(_METADATA, {})}
    if issubclass(kind, Enum):
        declaration["choices"] = declaration.get("choices") or tuple(kind)
    return EngineOption(name=field.name, kind=kind, default=field.default, **declaration)


def _kind(hint: Any) -> type | None:
    """Give the type of a value from a hint such as `int | None`; None where it has several."""
    if typing.get_origin(hint) in (Union, UnionType):
        kinds = [one for one in typing.get_args(hint) if one is not type(None)]
        hint = kinds[0] if len(kinds) == 1 else None
    if not isinstance(hint, type):
        return None
    return hint if hint in (int, float, bool, str) or issubclass(hint, Enum) else None
