"""The installed models with their configurations: what `ttbench --list` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttbench_core.errors import PackContractError, PackLoadError
from ttbench_core.model import Builder, Declared
from ttbench_core.plugins.registry import MODELS, Plugin, discover, find, load, load_directly

__all__ = ["ModelEntry", "as_builder", "installed_models", "load_builder"]


@dataclass(frozen=True)
class ModelEntry:
    """One registered model; `error` is the reason if it cannot be used."""

    name: str
    configs: tuple[str, ...]
    default_config: str | None
    pack: str
    version: str
    entry_point: str
    error: str | None = None
    #: What it does, in a few words.
    task: str | None = None
    #: What is declared of each configuration; of a model without any, under an empty name.
    declared: Mapping[str, Declared] = field(default_factory=dict)

    def mentions(self, word: str) -> bool:
        """Return whether a word is in its name, pack, task or one of its configurations."""
        texts = (self.name, self.pack, self.task or "", *self.configs)
        return any(word.lower() in text.lower() for text in texts)


def installed_models() -> tuple[ModelEntry, ...]:
    """List every registered model; a broken one is an entry with an `error`.

    Imports the modules that register builders, and so what those import at
    their top; ttbench's own packs import torch inside their builders.
    """
    return tuple(_entry(plugin) for plugin in discover(MODELS))


def load_builder(name: str) -> tuple[Builder, Plugin]:
    """Load the builder of one model by name or `pack:name`.

    Raises `UnknownNameError`, `AmbiguousNameError`, `PackLoadError`.
    """
    plugin = find(MODELS, name, "model")
    return as_builder(load(plugin), plugin.where), plugin


def as_builder(loaded: Any, where: str) -> Builder:
    """Take a decorated builder as it is, and a plain function as one without configurations.

    Raises `PackContractError` for anything that cannot be called.
    """
    if isinstance(loaded, Builder):
        return loaded
    if hasattr(loaded, "forward"):
        raise PackContractError(
            where, "is a module, not a builder: give a function that returns [module], [inputs]"
        )
    if callable(loaded):
        return Builder(loaded)
    raise PackContractError(
        where, f"is of type {type(loaded).__name__}, not a builder: register a function"
    )


def _entry(plugin: Plugin) -> ModelEntry:
    try:
        builder = as_builder(load_directly(plugin), plugin.where)
    except PackLoadError as failure:
        return _unusable(plugin, failure.reason)
    except PackContractError as failure:
        return _unusable(plugin, failure.fault)
    declared = {"": builder.declared} if builder.declared else builder.declared_of
    return ModelEntry(
        plugin.name,
        builder.configs,
        builder.default_config,
        plugin.pack,
        plugin.version,
        plugin.value,
        task=builder.task,
        declared=declared,
    )


def _unusable(plugin: Plugin, reason: str) -> ModelEntry:
    return ModelEntry(plugin.name, (), None, plugin.pack, plugin.version, plugin.value, reason)
