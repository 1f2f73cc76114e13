"""Which configurations the models of a sweep have, and which pairs are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ttbench_core.errors import UnknownNameError, suggestion
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.sweeps.expanding import Assignment

__all__ = ["missing_pairs"]


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
    return config not in entry.configs if entry.configs else config in owned
