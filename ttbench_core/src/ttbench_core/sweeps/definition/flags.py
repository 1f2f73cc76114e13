"""A sweep from flags: those of a run with lists of values, alone or beside a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ttbench_core.errors import OptionError
from ttbench_core.request.named_values import parse_named_values
from ttbench_core.sweeps.definition.axes import (
    ENGINE_PREFIX,
    MODEL_PREFIX,
    canonical_axis,
    flat_settings,
)
from ttbench_core.sweeps.definition.draft import Draft
from ttbench_core.sweeps.definition.ranges import split_list
from ttbench_core.sweeps.definition.sweep import SweepError

__all__ = ["FlagValues", "draft_of_flags", "with_flags"]

#: Values may have commas and blanks: one value each time that the flag is given.
_NOT_SPLIT: Final = frozenset({"env"})


@dataclass(frozen=True)
class FlagValues:
    """What a command line says, each flag with the words that it was given."""

    #: The words of each flag of a run, by the name of its keyword; of one without a value, its
    #: boolean.
    axes: Mapping[str, Sequence[str] | bool] = field(default_factory=dict)
    #: How each of these was typed, for messages.
    spelled: Mapping[str, str] = field(default_factory=dict)
    #: The words of `-B` and of `-M`.
    engine_options: Sequence[str] = ()
    model_options: Sequence[str] = ()
    #: Each None where it was not given.
    name: str | None = None
    rounds: int | None = None
    outputs: Sequence[str] | None = None
    order_seed: int | None = None
    cell_timeout_s: float | None = None


def draft_of_flags(values: FlagValues) -> Draft:
    """Give the definition that flags alone make; raises `SweepError`, which names the flag."""
    return with_flags(Draft(source="ttbench sweep"), values)


def with_flags(draft: Draft, values: FlagValues) -> Draft:
    """Give a definition in which flags replace what it says of the same names.

    An axis of a flag replaces the one of `settings` or `grid`. Raises `SweepError`, which names
    the flag, also for an axis of a zip or a scenario.
    """
    axes, spelled = _axes(values)
    for axis in axes:
        _refuse_elsewhere(draft, axis, spelled[axis])
    general = {
        "name": values.name,
        "rounds": values.rounds,
        "outputs": values.outputs,
        "order_seed": values.order_seed,
        "cell_timeout_s": values.cell_timeout_s,
    }
    given: dict[str, Any] = {key: one for key, one in general.items() if one is not None}
    names = {"order_seed": "seed", "cell_timeout_s": "cell_timeout"}
    general_flags = {
        names.get(key, key): f"--{names.get(key, key)}" for key in given if key != "outputs"
    }
    if "seed" in general_flags:
        general_flags["seed"] = "--order_seed"
    return replace(
        draft,
        settings=_without(draft, "[settings]", draft.settings, axes),
        grid={**_without(draft, "[grid]", draft.grid, axes), **axes},
        flags={**general_flags, **spelled},
        **given,
    )


def _axes(values: FlagValues) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Give the values of each axis as texts, and how its flag is spelled."""
    axes: dict[str, list[Any]] = {}
    spelled: dict[str, str] = {}
    for name, words in values.axes.items():
        axis = canonical_axis(name)
        spelled[axis] = values.spelled.get(name, f"--{name}")
        if isinstance(words, bool):
            axes[axis] = [words]
        else:
            axes[axis] = _split(axis, words, spelled[axis])
    named = (
        ("-B", ENGINE_PREFIX, values.engine_options),
        ("-M", MODEL_PREFIX, values.model_options),
    )
    for flag, prefix, words in named:
        for word in words:
            ((name, value),) = parse_named_values(flag, [word]).items()
            axis = f"{prefix}{name}"
            spelled[axis] = f"{flag} {name}"
            texts = _split(axis, [value], spelled[axis]) if isinstance(value, str) else [value]
            axes.setdefault(axis, []).extend(texts)
    return axes, spelled


def _split(axis: str, words: Sequence[str], flag: str) -> list[str]:
    if axis in _NOT_SPLIT:
        return list(words)
    try:
        return [part for word in words for part in split_list(word)]
    except OptionError as error:
        raise SweepError(f"{flag}: {error}") from error


def _without(
    draft: Draft, table: str, given: Mapping[str, Any], axes: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        return {name: one for name, one in flat_settings(given).items() if name not in axes}
    except OptionError as error:
        raise SweepError(f"{draft.source}: {table}: {error}") from error


def _refuse_elsewhere(draft: Draft, axis: str, flag: str) -> None:
    tables = [("[[zip]]", one) for one in draft.zips]
    tables += [("[[scenarios]]", one) for _, one in draft.scenarios]
    for table, given in tables:
        if axis in _without(draft, table, given, {}):
            raise SweepError(
                f"{flag}: {axis} is set by {table} of {draft.source}: leave the flag out"
            )
