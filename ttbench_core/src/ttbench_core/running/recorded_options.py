"""The options of a run as its record has them: nothing of the environment that may be secret."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ttbench_core.backends.engine_options import options_of, spelled_options, variables_of
from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.errors import OptionError, RequestError
from ttbench_core.models.model_options import options_that_differ
from ttbench_core.models.source import Source
from ttbench_core.record.environment import is_recorded
from ttbench_core.request.declared_options import DeclaredOption, plain_value
from ttbench_core.request.engine_options import declared_options
from ttbench_core.request.options import RunOptions

__all__ = [
    "effective_engine_options",
    "engine_args",
    "options_that_failed",
    "recorded_options",
    "spelled_args",
]

_ENGINE: Final = "engine_options"


def recorded_options(options: RunOptions, backend: str | None = None) -> dict[str, Any]:
    """Give the options of a run for its record, as they were asked.

    Options with flags of their own are beside those of every run, also where they were not asked
    for. Of `env` there are only those values that may be in a record.

    Args:
        options: what was asked.
        backend: the name of the one that was chosen; None where none was.
    """
    patterns = variables_of(backend or options.backend)
    shown = {
        name: value if is_recorded(name, patterns) else "<not recorded>"
        for name, value in options.environment.items()
    }
    text = shlex.join(f"{name}={value}" for name, value in shown.items())
    general = {name: one for name, one in options.as_requested().items() if name != _ENGINE}
    spelled = spelled_options()
    declared = options_of(backend or options.backend)
    asked = options.engine_options
    return {
        **general,
        "env": text or None,
        **{name: _as_read(declared.get(name, option), asked) for name, option in spelled.items()},
        _ENGINE: {name: value for name, value in asked.items() if name not in spelled},
    }


def options_that_failed(options: RunOptions, source: Source | None) -> dict[str, Any]:
    """Give the options of a run that ended before it was planned, as `args` has those of one.

    What cannot be read stays as it was asked.

    Args:
        options: what was asked.
        source: of the model; None where this process has not looked for it.
    """
    general = recorded_options(options)
    known = options_of(options.backend)
    asked = general[_ENGINE]
    engine = {
        name: _as_read(known[name], asked) if name in known else value
        for name, value in asked.items()
        if name not in known or known[name].compared
    }
    defaults = {name: plain_value(one.default) for name, one in known.items()}
    differing = {
        name: value
        for name, value in engine.items()
        if name not in known or value != defaults[name]
    }
    model = dict(options.model_options)
    if source is not None:
        with contextlib.suppress(RequestError):
            model = options_that_differ(source.builder, model, source.where)
    return {**general, _ENGINE: differing, "model_options": model}


def spelled_args(plan: CompileOptions) -> dict[str, Any]:
    """Give the backend's options that have flags of their own, with the values that ran."""
    return {one.name: plain_value(value) for one, value in _in_effect(plan, spelled=True)}


def engine_args(plan: CompileOptions) -> dict[str, Any]:
    """Give the backend's own options that identify what ran: those that are not the default.

    Options with flags of their own have keys of their own, and those of which `compare` need
    not know are left out.
    """
    return {
        one.name: plain_value(value)
        for one, value in _in_effect(plan, spelled=False)
        if one.compared and value != one.default
    }


def effective_engine_options(plan: CompileOptions) -> Mapping[str, Any]:
    """Give every option that the backend declares, with the value that ran; empty for none."""
    return {one.name: plain_value(value) for one, value in _in_effect(plan, spelled=False)}


def _in_effect(plan: CompileOptions, *, spelled: bool) -> Iterator[tuple[DeclaredOption, object]]:
    """Give the backend's options with the values that ran.

    Args:
        plan: what runs.
        spelled: whether those with flags of their own are wanted, or the others.
    """
    if plan.engine is None:
        return
    names = spelled_options()
    for option in declared_options(type(plan.engine)):
        if (option.name in names) == spelled:
            yield option, getattr(plan.engine, option.name)


def _as_read(option: DeclaredOption, asked: Mapping[str, object]) -> object:
    if option.name not in asked:
        return plain_value(option.default)
    try:
        return plain_value(option.read(asked[option.name]))
    except OptionError:  # the run itself reports it
        return asked[option.name]
