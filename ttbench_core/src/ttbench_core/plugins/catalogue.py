"""The installed models: finding one by its name, and listing all with their configurations.

A name belongs to the pack that registers it under `ttbench.models`; of several packs, to
ttbench's own. A name that no pack registers belongs to a zoo; of several zoos, to the one that
was installed first. `pack:name` is the model of a pack or its zoo, whoever has the name. So
installing a zoo changes nothing about names that were there before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ttbench_core.errors import (
    AmbiguousNameError,
    PackContractError,
    PackLoadError,
    UnknownNameError,
)
from ttbench_core.model import Builder, Declared, ZooModel
from ttbench_core.plugins.registry import (
    MODELS,
    Plugin,
    choose,
    describe_unknown,
    discover,
    load,
    load_directly,
    named,
)
from ttbench_core.plugins.zoos import BrokenZoo, OpenZoo, discover_zoos, open_zoos

__all__ = [
    "FoundModel",
    "ModelEntry",
    "as_builder",
    "find_model",
    "installed_models",
]


@dataclass(frozen=True)
class ModelEntry:
    """One installed model; `error` is the reason if it cannot be used."""

    name: str
    configs: tuple[str, ...]
    default_config: str | None
    pack: str
    version: str
    entry_point: str
    #: What `-m` takes for it: its name, or `pack:name` where the name belongs to another one.
    runs_as: str
    error: str | None = None
    #: What it does, in a few words.
    task: str | None = None
    #: What is declared of each configuration; of a model without any, under an empty name.
    declared: Mapping[str, Declared] = field(default_factory=dict)
    #: The zoo that it is from, by the name of its entry point; None for one that its pack
    #: registers by itself.
    zoo: str | None = None

    def mentions(self, word: str) -> bool:
        """Return whether a word is in its name, pack, task or one of its configurations."""
        texts = (self.name, self.pack, self.task or "", *self.configs)
        return any(word.lower() in text.lower() for text in texts)


@dataclass(frozen=True)
class FoundModel:
    """The builder that a name means, and where it is from."""

    builder: Builder
    plugin: Plugin
    #: Its object reference; of a model of a zoo with its name.
    value: str
    #: Which other packs and zoos have the name, in a sentence each.
    notes: tuple[str, ...] = ()


def find_model(name: str) -> FoundModel:
    """Find the builder of one model by name or `pack:name`.

    No zoo is loaded for a name that a pack registers by itself.

    Raises `UnknownNameError`, `AmbiguousNameError`, `PackLoadError`, `PackContractError`.
    """
    registered = discover(MODELS)
    matches = named(registered, name)
    if not matches:
        return _find_in_zoos(name, registered)
    plugin = choose(matches, "model")
    builder = as_builder(load(plugin), plugin.where)
    return FoundModel(builder, plugin, plugin.value, _notes(plugin, matches))


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


def _find_in_zoos(name: str, registered: Sequence[Plugin]) -> FoundModel:
    opened, broken = open_zoos(discover_zoos(registered))
    bare_name = name.rpartition(":")[2]
    zoo_of = {zoo.plugin_of(bare_name): zoo for zoo in opened if bare_name in zoo.models}
    matches = named(zoo_of, name)
    if not matches:
        models = (zoo.plugin_of(model) for zoo in opened for model in zoo.models)
        unknown = describe_unknown(MODELS, name, "model", [*registered, *models])
        raise UnknownNameError("; ".join([unknown, *map(_complaint, broken)]))
    plugin = matches[0]
    if plugin.pack in {other.pack for other in matches[1:]}:
        raise AmbiguousNameError(f"several zoos of {plugin.pack} have {bare_name!r}: only one may")
    zoo = zoo_of[plugin]
    made = as_builder(zoo.make_builder(plugin.name), plugin.where)
    builder = _as_declared(made, zoo.models[plugin.name])
    value = f"{plugin.value} ({plugin.name})"
    return FoundModel(builder, plugin, value, _notes(plugin, matches))


def _as_declared(made: Builder, model: ZooModel) -> Builder:
    return Builder(
        made.function,
        model.configs,
        model.default_config,
        task=model.task,
        declared=model.declared,
        name=model.name,
    )


def _complaint(zoo: BrokenZoo) -> str:
    return f"the zoo {zoo.plugin.where} cannot list its models: {zoo.reason}"


def _notes(plugin: Plugin, matches: Sequence[Plugin]) -> tuple[str, ...]:
    others = [match.qualified for match in matches if match.pack != plugin.pack]
    if not others:
        return ()
    those = "is another model" if len(others) == 1 else "are other models"
    note = f"{plugin.name} is the model of {plugin.pack}; {', '.join(others)} {those}"
    return (f"{note} with the same name",)


def installed_models(
    prepare: Callable[[Plugin], Plugin] = lambda plugin: plugin,
) -> tuple[ModelEntry, ...]:
    """List every model of packs and zoos; a broken one is an entry with an `error`.

    Imports the modules that register builders and zoos, and so what those import at
    their top; ttbench's own packs import torch inside their builders.

    Args:
        prepare: gives what is loaded for an entry point, before it is loaded.
    """
    registered = tuple(map(prepare, discover(MODELS)))
    opened, broken = open_zoos(tuple(map(prepare, discover_zoos(registered))))
    entries = [*_registered_entries(registered), *map(_broken_entry, broken)]
    taken = {plugin.name for plugin in registered}
    for zoo in opened:
        entries += [_zoo_entry(zoo, model, taken) for model in zoo.models.values()]
        taken.update(zoo.models)
    return tuple(sorted(entries, key=lambda entry: (entry.name, entry.pack, entry.entry_point)))


def _registered_entries(plugins: Sequence[Plugin]) -> Iterator[ModelEntry]:
    by_name: dict[str, list[Plugin]] = {}
    for plugin in plugins:
        by_name.setdefault(plugin.name, []).append(plugin)
    for plugin in plugins:
        try:
            owns_name = choose(by_name[plugin.name], "model") == plugin
        except AmbiguousNameError:
            owns_name = False
        yield _entry(plugin, plugin.name if owns_name else plugin.qualified)


def _entry(plugin: Plugin, runs_as: str) -> ModelEntry:
    try:
        builder = as_builder(load_directly(plugin), plugin.where)
    except PackLoadError as failure:
        return _unusable(plugin, failure.reason)
    except PackContractError as failure:
        return _unusable(plugin, failure.fault)
    return ModelEntry(
        plugin.name,
        builder.configs,
        builder.default_config,
        plugin.pack,
        plugin.version,
        plugin.value,
        runs_as,
        task=builder.task,
        declared={"": builder.declared} if builder.declared else builder.declared_of,
    )


def _zoo_entry(zoo: OpenZoo, model: ZooModel, taken: Collection[str]) -> ModelEntry:
    plugin = zoo.plugin_of(model.name)
    declared = dict(model.configs) if isinstance(model.configs, Mapping) else {}
    configs = tuple(model.configs)
    return ModelEntry(
        model.name,
        configs,
        model.default_config or next(iter(configs), None),
        plugin.pack,
        plugin.version,
        plugin.value,
        plugin.qualified if model.name in taken else model.name,
        task=model.task,
        declared={"": model.declared} if model.declared else declared,
        zoo=zoo.plugin.name,
    )


def _broken_entry(broken: BrokenZoo) -> ModelEntry:
    return replace(_unusable(broken.plugin, broken.reason), zoo=broken.plugin.name)


def _unusable(plugin: Plugin, reason: str) -> ModelEntry:
    where = (plugin.pack, plugin.version, plugin.value)
    return ModelEntry(plugin.name, (), None, *where, plugin.name, error=reason)
