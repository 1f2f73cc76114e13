"""Which configurations the models of a sweep have, and which pairs are left out."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ttbench_core.errors import UnknownNameError, suggestion
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.sweeps.planning.expanding import Assignment
from ttbench_core.sweeps.planning.model_patterns import ALL, is_name_pattern

__all__ = ["is_called", "missing_pairs", "with_configurations"]


def with_configurations(
    wanted: Iterable[Assignment], entries: Mapping[str, ModelEntry | None]
) -> Iterator[Assignment]:
    """Yield settings with the configurations that a pattern names.

    `all` is every configuration of the model, and none where it has none. A pattern that no
    configuration of a model matches stays: `missing_pairs` says so.

    Args:
        wanted: the settings of cells.
        entries: the models of the sweep, by name.
    """
    for one in wanted:
        word = one.settings.get("config")
        entry = entries.get(str(one.settings["model"]))
        if not isinstance(word, str) or not is_name_pattern(word):
            yield one
            continue
        found = [name for name in (entry.configs if entry else ()) if is_called(name, word)]
        for name in found:
            yield replace(one, settings={**one.settings, "config": name})
        if not found and word == ALL:
            without = {axis: value for axis, value in one.settings.items() if axis != "config"}
            yield replace(one, settings=without)
        elif not found:
            yield one


def is_called(name: str, word: str) -> bool:
    """Return whether a word, which may be a pattern or `all`, names a configuration."""
    return word in (name, ALL) or fnmatch.fnmatchcase(name, word)


def missing_pairs(
    entries: Mapping[str, ModelEntry | None], wanted: Sequence[Assignment], source: str
) -> dict[tuple[str, str], str]:
    """Give the pairs of a model and a configuration that it lacks, with the reason.

    A model that lists no configurations may take any, unless the configuration is another
    model's of the sweep. Nothing is missing of a model that is not known here.

    Args:
        entries: the models of the sweep, by name.
        wanted: the settings of its cells.
        source: where the sweep is defined, for messages.

    Raises `UnknownNameError` for a configuration that no model of the sweep has.
    """
    owned = {config for entry in entries.values() if entry for config in entry.configs}
    open_to_any = [name for name, entry in entries.items() if entry is None or not entry.configs]
    pairs = {
        (str(one.settings["model"]), str(one.settings["config"]))
        for one in wanted
        if "config" in one.settings
    }
    for _, config in sorted(pairs):
        if config not in owned and not open_to_any:
            names = ", ".join(list(entries)[:5]) + (", ..." if len(entries) > 5 else "")
            raise UnknownNameError(
                f"{source}: no model of the sweep ({names}) has a configuration"
                f" {config!r}{suggestion(config, owned)}"
            )
    return {
        (model, config): f"{model} has no configuration {config}"
        for model, config in pairs
        if _lacks(entries.get(model), config, owned)
    }


def _lacks(entry: ModelEntry | None, config: str, owned: set[str]) -> bool:
    if entry is None or entry.error:
        return False
    if entry.configs:
        return config not in entry.configs
    return config in owned or is_name_pattern(config)
