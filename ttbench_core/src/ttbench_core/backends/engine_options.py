"""The options that backends declare: those with flags of their own, and those of one run."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ttbench_core.backends.loading import InstalledBackend, installed_backends, load_backend
from ttbench_core.errors import OptionError, RequestError, suggestion
from ttbench_core.request.declared_options import DeclaredOption, OptionRole, plain_value
from ttbench_core.request.engine_options import declared_options
from ttbench_core.request.named_values import check_named_values

__all__ = [
    "backends_with_options",
    "option_with_role",
    "options_of",
    "saves_image",
    "spelled_options",
    "undeclared_option",
    "variables_of",
    "with_spelled_options",
]

_KEYWORD: Final = "engine_options"


@functools.cache
def spelled_options() -> Mapping[str, DeclaredOption]:
    """Give the options with flags of their own, by name: those of the core's backends."""
    return {
        option.name: option
        for installed in installed_backends(of_core=True)
        for option in declared_options(installed.capabilities.options)
        if option.flags
    }


def backends_with_options() -> Iterator[tuple[InstalledBackend, tuple[DeclaredOption, ...]]]:
    """Give the backends that declare options, and these."""
    for installed in installed_backends():
        if options := declared_options(installed.capabilities.options):
            yield installed, options


def with_spelled_options(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Move keywords that name an option with a flag into `engine_options`; defaults are dropped.

    Raises `OptionError` for a value that such an option cannot have, and for two that differ.
    """
    spelled = {name: one for name, one in spelled_options().items() if name in keywords}
    if not spelled:
        return dict(keywords)
    read = {name: option.read(keywords[name]) for name, option in spelled.items()}
    asked = {name: value for name, value in read.items() if value != spelled[name].default}
    general = {name: value for name, value in keywords.items() if name not in spelled}
    named = check_named_values(_KEYWORD, keywords.get(_KEYWORD))
    for name in asked.keys() & named.keys():
        if spelled[name].read(named[name]) != asked[name]:
            raise OptionError(
                f"{spelled[name].flag} {plain_value(asked[name])} and -B {name}={named[name]} are"
                " one option with two values: leave one of them out"
            )
    return {**general, _KEYWORD: {**named, **asked}}


def options_of(backend: str | None) -> Mapping[str, DeclaredOption]:
    """Give the options that a backend declares, by name.

    Args:
        backend: its name; None, and one that cannot be loaded, declare none.
    """
    if backend is None:
        return {}
    try:
        declared = load_backend(backend).capabilities.options
    except RequestError:  # the run itself reports it
        return {}
    return {option.name: option for option in declared_options(declared)}


def saves_image(asked: Mapping[str, object]) -> str | None:
    """Give the flag of an option among these that saves a compiled model and measures nothing."""
    for name, option in spelled_options().items():
        if option.role is OptionRole.IMAGE and asked.get(name) is not None:
            return option.flag
    return None


def undeclared_option(declared: type | None, asked: Mapping[str, object]) -> str | None:
    """Name the first option that was asked for and is not declared; None if all are."""
    known = {option.name for option in declared_options(declared)}
    for name in asked:
        if name not in known:
            spelled = spelled_options().get(name)
            return spelled.flag if spelled else f"option {name!r}{suggestion(name, known)}"
    return None


def option_with_role(declared: type | None, role: OptionRole) -> DeclaredOption | None:
    """Give the declared option that has a role; None where there is none."""
    return next((one for one in declared_options(declared) if one.role is role), None)


def variables_of(backend: str | None) -> tuple[str, ...]:
    """Give the environment variables that the core's backends and one more declare for the record.

    Args:
        backend: a name; one that cannot be loaded declares none.
    """
    declared = [one.capabilities.variables for one in installed_backends(of_core=True)]
    if backend is not None:
        with contextlib.suppress(RequestError):  # the run itself reports it
            declared.append(load_backend(backend).capabilities.variables)
    return tuple(dict.fromkeys(name for names in declared for name in names))
