"""The settings of a run as axes of a sweep: their names, their types, how a value is read.

Names are those of `RunKeywords`, `model`, `machine`, and for options of engines and models
`engine_options.NAME` and `model_options.NAME`.
"""

from __future__ import annotations

import functools
import math
import re
import sys
import typing
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeAlias

from ttbench_core.backends.engine_options import spelled_options
from ttbench_core.errors import OptionError, suggestion
from ttbench_core.request.declared_options import plain_value, type_of_hint
from ttbench_core.request.formats import EngineFormat
from ttbench_core.request.keywords import KEYWORDS_OF_RUN
from ttbench_core.request.options import RunOptions, option_fields
from ttbench_core.request.variables import variables_as_text
from ttbench_core.sweeps.definition.ranges import integers

__all__ = [
    "ENGINE_PREFIX",
    "MACHINE",
    "MODEL_PREFIX",
    "PLAIN_AXES",
    "Setting",
    "axis_order",
    "canonical_axis",
    "flat_settings",
    "read_setting",
    "read_settings",
    "setting_text",
]

#: A value of a setting.
Setting: TypeAlias = str | int | float | bool

ENGINE_PREFIX: Final = "engine_options."
MODEL_PREFIX: Final = "model_options."
#: The axis that says where a cell runs; no option of a run.
MACHINE: Final = "machine"
_TABLES: Final = ("engine_options", "model_options")
#: The axes of every sweep, in their order.
PLAIN_AXES: Final = ("model", *(name for name in KEYWORDS_OF_RUN if name not in _TABLES), MACHINE)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Flags that are no keyword of their own: what somebody may write instead of it.
_FLAGS: Final[Mapping[str, str]] = {
    "m": "model",
    "c": "config",
    "t": "training",
    "mb": "microbatch",
    "df": "dataformat",
    "mf": "math_fidelity",
    "opt": "backend_opt_level",
    "d": "device",
    "e": "env",
}
_KIND_TEXTS: Final[Mapping[type, str]] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
}


def canonical_axis(name: object) -> str:
    """Give the name of an axis; an option of an engine with a flag of its own may stand alone.

    Raises `OptionError` with near misses.
    """
    if not isinstance(name, str):
        raise OptionError(f"{name!r} is no name of a setting")
    if name in PLAIN_AXES:
        return name
    if name in spelled_options():
        return f"{ENGINE_PREFIX}{name}"
    table, dot, option = name.partition(".")
    if dot and table in _TABLES and _NAME.fullmatch(option):
        return name
    if name in _FLAGS:
        raise OptionError(f"unknown setting {name!r} (did you mean {_FLAGS[name]!r}?)")
    known = [*PLAIN_AXES, *_TABLES, *spelled_options()]
    raise OptionError(f"unknown setting {name!r}{suggestion(name, known)}")


def axis_order(names: Iterable[str]) -> list[str]:
    """Sort names of axes: those of every sweep in the order of a run's options, then the others."""
    places = {name: at for at, name in enumerate(PLAIN_AXES)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))


def flat_settings(given: Mapping[Any, Any]) -> dict[str, Any]:
    """Give values by canonical names: `engine_options = {lanes = 2}` is `engine_options.lanes`.

    Raises `OptionError` for an unknown name, and for one that is given twice.
    """
    flat: dict[str, Any] = {}
    for name, value in given.items():
        if name in _TABLES:
            if not isinstance(value, Mapping):
                raise OptionError(f"{name} is a table of names and values, not {value!r}")
            pairs = [(f"{name}.{one}", each) for one, each in value.items()]
        else:
            pairs = [(name, value)]
        for one, each in pairs:
            axis = canonical_axis(one)
            if axis in flat:
                raise OptionError(f"{axis} is given twice")
            flat[axis] = each
    return flat


def read_setting(axis: str, value: object) -> Setting:
    """Read one value of an axis, and refuse one that no run could have.

    Args:
        axis: its canonical name.
        value: of a file or a program, or its text for what is no text.

    Raises `OptionError`.
    """
    kind = _kinds().get(axis)
    plain = _plain(axis, value)
    if isinstance(plain, float) and not math.isfinite(plain):
        raise OptionError(f"{plain} is no finite number")
    if kind is None:
        if not isinstance(plain, (str, int, float)):
            raise OptionError(f"{plain!r} is no number, text or boolean")
        return plain
    if isinstance(plain, str) and kind in (int, float):
        plain = _number(plain, kind)
    is_int = isinstance(plain, int) and not isinstance(plain, bool)
    if kind is float and is_int:
        plain = float(plain)
    if not isinstance(plain, (str, int, float)) or type(plain) is not kind:
        raise OptionError(f"{plain!r} is not {_KIND_TEXTS[kind]}")
    _refuse_impossible(axis, plain)
    return plain


def read_settings(axis: str, given: object) -> tuple[Setting, ...]:
    """Read the values of an axis: a list, or one value, or a list or range as text.

    Raises `OptionError`, also for an empty list.
    """
    values = list(given) if isinstance(given, (list, tuple, range)) else [given]
    if not values:
        raise OptionError("has no values")
    read: list[Setting] = []
    for value in values:
        if _kinds().get(axis) is int and isinstance(value, str):
            read += [read_setting(axis, number) for number in integers(value)]
        else:
            read.append(read_setting(axis, value))
    return tuple(read)


def setting_text(axis: str, value: Setting) -> str:
    """Give a setting as a label has it: names alone, numbers and options with their name."""
    if isinstance(value, bool):
        if axis == "training":
            return "training" if value else "inference"
        value = str(value).lower()
        return f"{_short(axis)}={value}"
    kind = _kinds().get(axis)
    if kind is str and axis not in ("env", "weights", "python"):
        return str(value)
    return f"{_short(axis)}={value}"


def _short(axis: str) -> str:
    return axis.removeprefix(ENGINE_PREFIX).removeprefix(MODEL_PREFIX)


@functools.cache
def _kinds() -> Mapping[str, type]:
    """Give the types of the axes of every sweep; options of engines and models have any."""
    # of the fields alone: Python 3.10 takes no class whose annotations have KW_ONLY
    annotations = {field.name: field.type for field in option_fields()}
    holder = type("Fields", (), {"__annotations__": annotations})
    hints = typing.get_type_hints(holder, vars(sys.modules[RunOptions.__module__]))
    kinds: dict[str, type] = {MACHINE: str}
    for field in option_fields():
        if field.name in _TABLES:
            continue
        found = type_of_hint(hints[field.name])
        kind = found[0] if found else str
        kinds[field.name] = str if issubclass(kind, Enum) else kind
    return kinds


def _plain(axis: str, value: object) -> Any:
    if axis == "env" and isinstance(value, Mapping):
        _refuse_several(value)
        return variables_as_text(value)
    if isinstance(value, EngineFormat):
        return value.name
    return str(value) if isinstance(value, Path) else plain_value(value)


def _refuse_several(variables: Mapping[Any, Any]) -> None:
    """Refuse variables of more than one value; the value is not shown: it may be a secret."""
    for name, value in variables.items():
        if isinstance(value, (Mapping, list, tuple, set, frozenset)):
            raise OptionError(
                f"{name!r} has one value, a text or a number; several are several tables:"
                " [grid] env = [{ A = 1 }, { A = 2 }]"
            )


def _number(text: str, kind: type) -> int | float:
    try:
        return float(text) if kind is float else int(text)
    except ValueError:
        raise OptionError(f"{text!r} is not {_KIND_TEXTS[kind]}") from None


def _refuse_impossible(axis: str, value: Any) -> None:
    """Let the options of a run with this one setting refuse it."""
    if axis == "model":
        RunOptions(value)
    elif axis == MACHINE:
        if not value.strip():
            raise OptionError(f"{value!r} is no name of a machine")
    else:
        RunOptions("any", **{axis: value})
