"""Models by pattern: `vit*`, `all`, `task:text generation`; which installed ones they name."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ttbench_core.errors import UnknownNameError, suggestion
from ttbench_core.models.loaders.builders import loader_entry
from ttbench_core.models.loaders.finding import is_loader
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.plugins.discovery import normalized
from ttbench_core.sweeps.definition.axes import Setting
from ttbench_core.sweeps.definition.sweep import Sweep

__all__ = ["ALL", "ChosenModel", "chosen_models", "is_name_pattern", "is_pattern", "with_models"]

ALL: Final = "all"
_TASK: Final = "task:"
_WILDCARDS: Final = frozenset("*?[")
#: Names for a word.
_Names: TypeAlias = Callable[[Setting], list[Setting]]


@dataclass(frozen=True)
class ChosenModel:
    """One model of a sweep."""

    #: What `-m` takes for it.
    name: str
    #: The installed one; None where no pack of this interpreter has it.
    entry: ModelEntry | None


def is_pattern(word: str) -> bool:
    """Return whether a word may name several models."""
    return word.startswith(_TASK) or is_name_pattern(word)


def is_name_pattern(word: str) -> bool:
    """Return whether a word may match several names: of models, or of configurations."""
    return word == ALL or not _WILDCARDS.isdisjoint(word)


def chosen_models(word: str, entries: Sequence[ModelEntry]) -> list[ChosenModel]:
    """Give the models that a word names, in the order of the list of models.

    A name that no pack has is a model without an entry: another interpreter may have it. A
    pattern leaves out models that cannot be loaded.

    Args:
        word: a name, `pack:name`, a name with `*`, `?` or `[...]`, `all`, or `task:` and a part
            of what models do.
        entries: the installed models.

    Raises `UnknownNameError` for a pattern that no installed model matches.
    """
    if is_loader(word) and not is_pattern(word):
        return [ChosenModel(word, _loader(word))]
    if not is_pattern(word):
        found = next((one for one in entries if _is_called(one, word)), None)
        return [ChosenModel(found.runs_as if found else word, found)]
    matching = [one for one in entries if not one.error and _matches(one, word)]
    if not matching:
        hint = suggestion(word.removeprefix(_TASK), _known(word, entries))
        what = "does" if word.startswith(_TASK) else "matches"
        raise UnknownNameError(f"no installed model {what} {word!r}{hint}; see ttbench --list")
    return [ChosenModel(one.runs_as, one) for one in matching]


def with_models(
    sweep: Sweep, installed: Sequence[ModelEntry]
) -> tuple[Sweep, dict[str, ModelEntry | None]]:
    """Give a sweep with names of models in place of patterns, and its models by name.

    Raises `UnknownNameError`, which names where the sweep is defined.
    """
    words = [
        *sweep.values_of("model"),
        *(one for of in sweep.excludes for one in of.get("model", ())),
    ]
    try:
        chosen = {word: chosen_models(str(word), installed) for word in words}
    except UnknownNameError as error:
        raise UnknownNameError(f"{sweep.source}: {error}") from error
    entries = {one.name: one.entry for word in sweep.values_of("model") for one in chosen[word]}

    def names(word: Setting) -> list[Setting]:
        return [one.name for one in chosen[word]]

    scenarios = [
        replace(
            one,
            settings={
                axis: value[0]
                for axis, value in _named(
                    {axis: (value,) for axis, value in one.settings.items()}, names
                ).items()
            },
        )
        for one in sweep.scenarios
    ]
    named = replace(
        sweep,
        grid=_once(_named(sweep.grid, names)),
        zips=tuple(_named(one, names) for one in sweep.zips),
        scenarios=tuple(scenarios),
        excludes=tuple(_named(one, names) for one in sweep.excludes),
    )
    return named, entries


def _loader(word: str) -> ModelEntry | None:
    """Describe a loader that is here; None for one that another machine may have."""
    try:
        return loader_entry(word)
    except UnknownNameError:
        return None


def _named(
    table: Mapping[str, tuple[Setting, ...]], names: _Names
) -> dict[str, tuple[Setting, ...]]:
    return {
        axis: tuple(name for word in values for name in names(word)) if axis == "model" else values
        for axis, values in table.items()
    }


def _once(grid: Mapping[str, tuple[Setting, ...]]) -> dict[str, tuple[Setting, ...]]:
    """Give a grid in which a model that two patterns name is there once."""
    return {
        axis: tuple(dict.fromkeys(values)) if axis == "model" else values
        for axis, values in grid.items()
    }


def _known(word: str, entries: Iterable[ModelEntry]) -> set[str]:
    if word.startswith(_TASK):
        return {one.task for one in entries if one.task}
    return {one.name for one in entries}


def _is_called(entry: ModelEntry, name: str) -> bool:
    pack, colon, bare = name.rpartition(":")
    if colon:
        return entry.name == bare and normalized(entry.pack) == normalized(pack)
    return entry.runs_as == name


def _matches(entry: ModelEntry, word: str) -> bool:
    if word.startswith(_TASK):
        task = word.removeprefix(_TASK).strip().casefold()
        return bool(task) and task in (entry.task or "").casefold()
    return word == ALL or fnmatch.fnmatchcase(entry.runs_as, word)
