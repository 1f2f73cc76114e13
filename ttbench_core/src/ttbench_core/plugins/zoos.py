"""The installed zoos: what is registered under `ttbench.zoos`, opened and checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ttbench_core.errors import PackContractError, PackLoadError, RequestError
from ttbench_core.model import Zoo, ZooModel
from ttbench_core.plugins.registry import ZOOS, Plugin, discover, load_directly, loading

__all__ = ["BrokenZoo", "OpenZoo", "discover_zoos", "open_zoo", "open_zoos"]


@dataclass(frozen=True)
class OpenZoo:
    """A zoo that has listed its models."""

    plugin: Plugin
    zoo: Zoo
    #: By name.
    models: Mapping[str, ZooModel]

    def plugin_of(self, name: str) -> Plugin:
        """Give the zoo's plugin as that of one of its models, for messages and records."""
        return replace(self.plugin, name=name)

    def make_builder(self, name: str) -> Any:
        """Let the zoo make the builder of a model.

        Raises `PackLoadError` for what it raises; a `RequestError`, such as for a library that
        is not installed, passes through.
        """
        with loading(self.plugin_of(name)):
            try:
                return self.zoo.builder(name)
            except RequestError as refusal:
                refused = refusal
        raise refused


@dataclass(frozen=True)
class BrokenZoo:
    """A zoo that cannot list its models."""

    plugin: Plugin
    reason: str


def discover_zoos(registered: Iterable[Plugin]) -> tuple[Plugin, ...]:
    """List the plugins of `ttbench.zoos`, importing none of them.

    Args:
        registered: the plugins of `ttbench.models`. A distribution with unreadable metadata
            is one of them, and not listed again.
    """
    unreadable = {plugin.pack for plugin in registered if plugin.name == "?"}
    return tuple(
        plugin for plugin in discover(ZOOS) if plugin.name != "?" or plugin.pack not in unreadable
    )


def open_zoos(plugins: Sequence[Plugin]) -> tuple[tuple[OpenZoo, ...], tuple[BrokenZoo, ...]]:
    """Open zoos, and give those that can list their models and those that cannot.

    The order is that in which a name belongs to them: of two zoos with one name, it stays with
    the one whose distribution was installed first.
    """
    opened, broken = [], []
    for plugin in sorted(plugins, key=_installed_first):
        try:
            opened.append(open_zoo(plugin))
        except PackLoadError as failure:
            broken.append(BrokenZoo(plugin, failure.reason))
        except PackContractError as failure:
            broken.append(BrokenZoo(plugin, failure.fault))
    return tuple(opened), tuple(broken)


def open_zoo(plugin: Plugin) -> OpenZoo:
    """Load a zoo and let it list its models; raises `PackLoadError` and `PackContractError`."""
    factory = load_directly(plugin)
    if not callable(factory):
        kind = type(factory).__name__
        fault = f"is of type {kind}: register a class, or a function that makes a zoo"
        raise PackContractError(plugin.where, fault)
    with loading(plugin):
        zoo = factory()
    for method in ("models", "builder"):
        if not callable(getattr(zoo, method, None)):
            fault = f"makes a {type(zoo).__name__}, which is no zoo: it has no {method}()"
            raise PackContractError(plugin.where, fault)
    with loading(plugin):
        listed = tuple(zoo.models())
    return OpenZoo(plugin, zoo, _by_name(plugin, listed))


def _by_name(plugin: Plugin, listed: Iterable[Any]) -> Mapping[str, ZooModel]:
    models: dict[str, ZooModel] = {}
    for model in listed:
        if not isinstance(model, ZooModel):
            fault = f"its models() lists a {type(model).__name__}, which is no ZooModel"
            raise PackContractError(plugin.where, fault)
        if model.name in models:
            raise PackContractError(plugin.where, f"its models() lists {model.name!r} twice")
        models[model.name] = model
    return models


def _installed_first(plugin: Plugin) -> tuple[int, str, str]:
    """Give a key that sorts by the time of installation, then by name."""
    # installers make the folder of the metadata anew; a plugin with a fault has no entry point
    folder = getattr(getattr(plugin.entry_point, "dist", None), "_path", None)
    try:
        installed_ns = os.stat(str(folder)).st_mtime_ns  # noqa: PTH116 - it may be no Path
    except (OSError, ValueError):
        installed_ns = sys.maxsize
    return installed_ns, plugin.pack, plugin.name
