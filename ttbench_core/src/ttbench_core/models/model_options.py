"""Options of a model: the keywords of its builder that are none of ttbench's own."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.errors import UnsupportedOptionError, suggestion
from ttbench_core.model import Builder
from ttbench_core.models.keywords import KEYWORDS
from ttbench_core.request.declared_options import DeclaredOption, plain_value, type_of_hint

__all__ = [
    "model_options_of",
    "options_in_effect",
    "options_that_differ",
    "read_model_options",
]

_SWITCH: Final = "-M"
_PLAIN: Final = (bool, int, float, str)
#: In place of an annotation with names that are unknown at run time.
_UNREADABLE: Final = object()


def model_options_of(builder: Builder) -> tuple[DeclaredOption, ...]:
    """Give the options of a model in the order of its builder's parameters.

    The type of one is that of its annotation, else of its default, else text. A parameter of
    another type, such as a function, is no option. Where an annotation cannot be read, because
    only type checkers know a name in it, a default that is a number, a boolean or a text decides.
    """
    names = _names_for(builder.function)
    found = (_option(parameter, names) for parameter in _parameters(builder))
    return tuple(option for option in found if option is not None)


def read_model_options(
    builder: Builder, asked: Mapping[str, object], where: str
) -> dict[str, object]:
    """Check the options of a model, and give those that were asked for as keywords of its builder.

    Args:
        builder: of the model.
        asked: values, or their texts, by name.
        where: pack and builder, for messages.

    Raises `UnsupportedOptionError` for a name that is none, with near misses, and `OptionError`
    for a value that cannot be.
    """
    options = {one.name: one for one in model_options_of(builder)}
    for name in asked:
        if name not in options:
            _refuse_unreadable(builder, name, where)
            raise UnsupportedOptionError(_unknown(name, list(options), where))
    return {name: options[name].read(value) for name, value in asked.items()}


def options_in_effect(
    builder: Builder, asked: Mapping[str, object], where: str
) -> dict[str, object]:
    """Give every option of a model with its value, as a record has it."""
    read = read_model_options(builder, asked, where)
    return {
        one.name: plain_value(read.get(one.name, one.default)) for one in model_options_of(builder)
    }


def options_that_differ(
    builder: Builder, asked: Mapping[str, object], where: str
) -> dict[str, object]:
    """Give the options of a model that are not the default: what `compare` holds alike."""
    defaults = {one.name: one.default for one in model_options_of(builder)}
    read = read_model_options(builder, asked, where)
    return {name: plain_value(one) for name, one in read.items() if one != defaults[name]}


def _unknown(name: str, options: list[str], where: str) -> str:
    if KEYWORDS.get(name):
        return f"{where}: for {name} use {KEYWORDS[name]}, not -M {name}"
    if not options:
        return f"{where} has no options of its own: leave out -M {name}"
    hint = suggestion(name, options)
    return f"{where} has no option {name!r}{hint}: it has {', '.join(options)}"


def _refuse_unreadable(builder: Builder, name: str, where: str) -> None:
    names = _names_for(builder.function)
    for parameter in _parameters(builder):
        if parameter.name == name and _hint(parameter, names) is _UNREADABLE:
            raise UnsupportedOptionError(
                f"{where}: -M {name} cannot be given: its annotation {parameter.annotation!r} has"
                " names that are unknown at run time; its author can import them, or write a type"
                " such as int"
            )


def _parameters(builder: Builder) -> list[inspect.Parameter]:
    return [
        one
        for one in inspect.signature(builder.function).parameters.values()
        if one.name not in KEYWORDS and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]


def _names_for(function: Any) -> dict[str, Any]:
    """Give the names that annotations of a function may use: those of the module it is in."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            break
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    return getattr(function, "__globals__", None) or (vars(module) if module else {})


def _hint(parameter: inspect.Parameter, names: dict[str, Any]) -> Any:
    """Read the annotation of a parameter alone: None for none, else a type or `_UNREADABLE`."""
    if parameter.annotation is parameter.empty:
        return None
    holder = types.SimpleNamespace(__annotations__={"hint": parameter.annotation})
    try:
        return typing.get_type_hints(holder, names, names)["hint"]
    except Exception:  # noqa: BLE001 - evaluating an annotation can raise anything
        return _UNREADABLE


def _option(parameter: inspect.Parameter, names: dict[str, Any]) -> DeclaredOption | None:
    default = None if parameter.default is parameter.empty else parameter.default
    hint = _hint(parameter, names)
    if hint is _UNREADABLE and type(default) in _PLAIN:
        hint = type(default)
    if hint is None:
        hint = str if default is None else type(default)
    found = type_of_hint(hint)
    if found is None:
        return None
    kind, choices = found
    return DeclaredOption(
        name=parameter.name,
        kind=kind,
        default=default,
        help="",
        choices=choices,
        switch=_SWITCH,
    )
