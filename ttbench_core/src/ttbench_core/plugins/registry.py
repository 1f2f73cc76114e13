"""Plugins: what installed distributions register, with provenance.

Importing happens for the one plugin that is asked for. stevedore's driver
manager loads it, from the entry point that `discovery` found, so that its disk
cache cannot hide a fresh install.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ttbench_core.errors import (
    AmbiguousNameError,
    PackLoadError,
    UnknownNameError,
    one_line,
    suggestion,
)
from ttbench_core.plugins.containment import contained
from ttbench_core.plugins.discovery import Plugin, discover, normalized

__all__ = [
    "BACKENDS",
    "MODELS",
    "SINKS",
    "ZOOS",
    "Plugin",
    "choose",
    "describe_unknown",
    "discover",
    "find",
    "is_own",
    "load",
    "load_directly",
    "loading",
    "name_to_ask_for",
    "named",
]

MODELS = "ttbench.models"
BACKENDS = "ttbench.backends"
SINKS = "ttbench.sinks"
ZOOS = "ttbench.zoos"

#: Distributions of ttbench itself.
_OWN = frozenset({"ttbench-core", "ttbench-models-nlp", "ttbench-models-vision"})

_INSTALL_HINT = {
    MODELS: "install a model pack, for example: pip install ttbench-models-nlp",
    BACKENDS: "reinstall ttbench-core, which brings the backend 'torch'",
    SINKS: "reinstall ttbench-core, which brings the sinks 'json' and 'jsonl'",
}
#: A longer list of names is no help in a message.
_MAX_LISTED_NAMES = 24


def find(group: str, name: str, what: str) -> Plugin:
    """Resolve a name, or `pack:name`, to the one plugin that it means.

    Args:
        group: the entry-point group.
        name: what the user typed.
        what: the kind of thing, for messages: `model`, `backend`, `sink`.

    Raises `UnknownNameError` with near misses, and what `choose` raises.
    """
    plugins = discover(group)
    matches = named(plugins, name)
    if not matches:
        raise UnknownNameError(describe_unknown(group, name, what, plugins))
    return choose(matches, what)


def named(plugins: Iterable[Plugin], name: str) -> list[Plugin]:
    """Return those with a name, or of `pack:name` those of that pack."""
    pack, colon, bare_name = name.rpartition(":")
    return [
        plugin
        for plugin in plugins
        if plugin.name == bare_name and (not colon or normalized(plugin.pack) == normalized(pack))
    ]


def choose(matches: Sequence[Plugin], what: str) -> Plugin:
    """Return the one that a name means, of at least one that have it.

    What ttbench's own distributions register keeps its name: another one of that name is
    `pack:name`. Raises `AmbiguousNameError` where several others register it.
    """
    own = [match for match in matches if is_own(match.pack)]
    if len(own or matches) == 1:
        return (own or matches)[0]
    if len({match.qualified for match in matches}) == 1:
        raise AmbiguousNameError(
            f"{matches[0].pack} registers the {what} {matches[0].name!r} {len(matches)} times"
            f" ({', '.join(match.value for match in matches)}): it may name it only once"
        )
    choices = " or ".join(match.qualified for match in matches)
    raise AmbiguousNameError(f"several packs have a {what} {matches[0].name!r}: say {choices}")


def is_own(pack: str) -> bool:
    """Return whether a distribution is one of ttbench itself."""
    return normalized(pack) in _OWN


def name_to_ask_for(plugin: Plugin) -> str:
    """Give the shortest name that `find` resolves to this backend or sink."""
    matches = named(discover(plugin.group), plugin.name)
    own = [match for match in matches if is_own(match.pack)]
    return plugin.name if (own or matches) == [plugin] else plugin.qualified


def load(plugin: Plugin) -> Any:
    """Import the object that a plugin registers.

    What the import prints goes to stderr, so that it does not mix with
    machine-readable output on stdout. Raises `PackLoadError` with the reason.
    """
    from stevedore.driver import DriverManager

    class SingleEntryPointManager(DriverManager):  # type: ignore[type-arg,misc,unused-ignore]
        """A driver manager that gets its entry point instead of looking for it."""

        def list_entry_points(self) -> list[Any]:
            return [plugin.entry_point]

    if plugin.fault is not None:
        raise PackLoadError(plugin.where, plugin.fault)
    with loading(plugin):
        return SingleEntryPointManager(
            plugin.group, plugin.name, on_load_failure_callback=_reraise
        ).driver


def load_directly(plugin: Plugin) -> Any:
    """Import the object that a plugin registers, without stevedore: for listings.

    A listing loads every pack, and stevedore's own import would be a third of
    its time. Raises `PackLoadError` like `load`.
    """
    if plugin.fault is not None:
        raise PackLoadError(plugin.where, plugin.fault)
    with loading(plugin):
        return plugin.entry_point.load()


@contextlib.contextmanager
def loading(plugin: Plugin) -> Iterator[None]:
    """Raise what a plugin's code raises as `PackLoadError`, and keep stdout free of its prints."""
    try:
        with contained():
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PackLoadError(plugin.where, one_line(error)) from error


def _reraise(_manager: object, _entry_point: object, error: BaseException) -> None:
    raise error


def describe_unknown(group: str, name: str, what: str, plugins: Iterable[Plugin]) -> str:
    """Return the message for a name that none of the plugins of a group has, with near misses."""
    known = [plugin for plugin in plugins if plugin.name != "?"]
    names = sorted({plugin.name for plugin in known})
    if not names:
        return f"no {what} is installed: {_INSTALL_HINT[group]}"
    hint = suggestion(name, [*names, *(plugin.qualified for plugin in known)])
    if len(names) > _MAX_LISTED_NAMES:
        return f"unknown {what} {name!r}{hint}: ttbench --list shows what is installed"
    return f"unknown {what} {name!r}{hint}: installed are {', '.join(names)}"
