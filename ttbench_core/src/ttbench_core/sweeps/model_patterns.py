"""Models by pattern: `vit*`, `all`, `task:text generation`; which installed ones they name."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ttbench_core.errors import UnknownNameError, suggestion
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.plugins.discovery import normalized

__all__ = ["ChosenModel", "chosen_models", "is_pattern"]

_ALL = "all"
_TASK = "task:"
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class ChosenModel:
    """One model of a sweep."""

    #: What `-m` takes for it.
    name: str
    #: The installed one; None where no pack of this interpreter has it.
    entry: ModelEntry | None


def is_pattern(word: str) -> bool:
    """Return whether a word may name several models."""
    return word == _ALL or word.startswith(_TASK) or not _WILDCARDS.isdisjoint(word)


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
    if not is_pattern(word):
        found = next((one for one in entries if _is_called(one, word)), None)
        return [ChosenModel(found.runs_as if found else word, found)]
    matching = [one for one in entries if not one.error and _matches(one, word)]
    if not matching:
        hint = suggestion(word.removeprefix(_TASK), _known(word, entries))
        what = "does" if word.startswith(_TASK) else "matches"
        raise UnknownNameError(f"no installed model {what} {word!r}{hint}; see ttbench --list")
    return [ChosenModel(one.runs_as, one) for one in matching]


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
    return word == _ALL or fnmatch.fnmatchcase(entry.runs_as, word)
