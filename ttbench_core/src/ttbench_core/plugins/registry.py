"""Plugins: what installed distributions register, with provenance.

Names are listed from entry-point metadata alone; importing happens for the one
plugin that is asked for. `importlib_metadata` finds the entry points, because
it keeps the distribution and has no cache; stevedore's driver manager loads
one of them, from the entry point that was already found, so that its disk
cache cannot hide a fresh install.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import importlib_metadata

from ttbench_core.errors import (
    AmbiguousNameError,
    PackLoadError,
    UnknownNameError,
    one_line,
    suggestion,
)

__all__ = [
    "BACKENDS",
    "MODELS",
    "SINKS",
    "Plugin",
    "discover",
    "find",
    "load",
    "load_directly",
    "name_to_ask_for",
]

MODELS = "ttbench.models"
BACKENDS = "ttbench.backends"
SINKS = "ttbench.sinks"

_CORE = "ttbench-core"

_INSTALL_HINT = {
    MODELS: "install a model pack, for example: pip install ttbench-models-nlp",
    BACKENDS: "reinstall ttbench-core, which brings the backend 'torch'",
    SINKS: "reinstall ttbench-core, which brings the sinks 'json' and 'jsonl'",
}
#: A longer list of names is no help in a message.
_MAX_LISTED_NAMES = 24
#: What an object reference of an entry point looks like: `module.path:attribute.path`.
_OBJECT_REFERENCE = re.compile(r"\w+(\.\w+)*\s*:\s*\w+(\.\w+)*(\s*\[.*\])?\s*")


@dataclass(frozen=True)
class Plugin:
    """One registered entry point and the distribution it came from."""

    group: str
    name: str
    #: The object reference, `module:attribute`.
    value: str
    #: Name and version of the distribution that registers it.
    pack: str
    version: str
    entry_point: Any = field(default=None, repr=False, compare=False)
    #: Why it cannot be loaded, where its metadata alone shows that.
    fault: str | None = None

    @property
    def qualified(self) -> str:
        """`pack:name`, which differs where two packs register one name."""
        return f"{self.pack}:{self.name}"

    @property
    def is_of_core(self) -> bool:
        """Whether ttbench-core itself registers it."""
        return self.pack == _CORE

    @property
    def where(self) -> str:
        """Pack, name and object reference, for messages."""
        return f"{self.qualified} ({self.value})"


def discover(group: str) -> tuple[Plugin, ...]:
    """List the plugins of a group by name and pack, importing none of them.

    Nothing is cached: a pack that was installed a second ago is listed. A
    distribution whose metadata cannot be read is one plugin with a `fault`.
    """
    try:
        entry_points = list(importlib_metadata.entry_points(group=group))
        identities: dict[int, tuple[str, str]] = {}
        plugins = [_plugin(entry_point, group, identities) for entry_point in entry_points]
    except Exception:  # noqa: BLE001 - one unreadable distribution fails the call: read each by itself
        plugins = list(_discover_one_by_one(group))
    return tuple(sorted(plugins, key=lambda plugin: (plugin.name, plugin.pack, plugin.value)))


def find(group: str, name: str, what: str) -> Plugin:
    """Resolve a name, or `pack:name`, to the one plugin that it means.

    Args:
        group: the entry-point group.
        name: what the user typed.
        what: the kind of thing, for messages: `model`, `backend`, `sink`.

    The core's own backends and sinks keep their names: another one of that
    name is `pack:name`. Raises `UnknownNameError` with near misses,
    `AmbiguousNameError` when several packs register the name.
    """
    plugins = discover(group)
    pack, colon, bare_name = name.rpartition(":")
    matches = [
        plugin
        for plugin in plugins
        if plugin.name == bare_name and (not colon or _normalized(plugin.pack) == _normalized(pack))
    ]
    of_core = [match for match in matches if match.is_of_core and group != MODELS]
    if len(matches) == 1 or of_core:
        return (of_core or matches)[0]
    if not matches:
        raise UnknownNameError(_unknown_name(group, name, what, plugins))
    if len({match.qualified for match in matches}) == 1:
        raise AmbiguousNameError(
            f"{matches[0].pack} registers the {what} {bare_name!r} {len(matches)} times"
            f" ({', '.join(match.value for match in matches)}): it may name it only once"
        )
    choices = " or ".join(match.qualified for match in matches)
    raise AmbiguousNameError(f"several packs have a {what} {bare_name!r}: say {choices}")


def name_to_ask_for(plugin: Plugin) -> str:
    """Give the shortest name that `find` resolves to this backend or sink."""
    if plugin.is_of_core:
        return plugin.name
    namesakes = [one for one in discover(plugin.group) if one.name == plugin.name]
    return plugin.name if len(namesakes) == 1 else plugin.qualified


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
    with _loading(plugin):
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
    with _loading(plugin):
        return plugin.entry_point.load()


@contextlib.contextmanager
def _loading(plugin: Plugin) -> Iterator[None]:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        raise PackLoadError(plugin.where, one_line(error)) from error


def _reraise(_manager: object, _entry_point: object, error: BaseException) -> None:
    raise error


def _plugin(
    entry_point: Any, group: str, identities: dict[int, tuple[str, str]] | None = None
) -> Plugin:
    value = str(entry_point.value)
    pack, version = _identity(entry_point.dist, {} if identities is None else identities)
    fault = None
    if not _OBJECT_REFERENCE.fullmatch(value):
        fault = f"its entry point {value!r} is not of the form 'module:attribute'"
    return Plugin(
        group=group,
        name=str(entry_point.name),
        value=value,
        pack=pack,
        version=version,
        entry_point=entry_point,
        fault=fault,
    )


def _identity(distribution: Any, cache: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """Give name and version; the metadata of a pack of thirty models is read once."""
    if id(distribution) not in cache:
        name = str(distribution.metadata["Name"])
        cache[id(distribution)] = name, str(distribution.version)
    return cache[id(distribution)]


def _discover_one_by_one(group: str) -> Iterator[Plugin]:
    seen: set[str] = set()
    for distribution in importlib_metadata.distributions():
        name = "?"
        try:
            text = distribution.read_text("entry_points.txt") or ""
            if group not in text:
                continue
            name = str(distribution.metadata["Name"])
            if _normalized(name) in seen:
                continue
            seen.add(_normalized(name))
            yield from [_plugin(ep, group) for ep in distribution.entry_points.select(group=group)]
        except Exception as error:  # noqa: BLE001 - listed with its reason, so that it hides no other pack
            where = name if name != "?" else str(getattr(distribution, "_path", "a distribution"))
            reason = f"its metadata cannot be read: {one_line(error)}"
            yield Plugin(group, "?", "?", where, "?", fault=reason)


def _normalized(pack: str) -> str:
    return re.sub(r"[-_.]+", "-", pack).lower()


def _unknown_name(group: str, name: str, what: str, plugins: tuple[Plugin, ...]) -> str:
    names = sorted({plugin.name for plugin in plugins if plugin.name != "?"})
    if not names:
        return f"no {what} is installed: {_INSTALL_HINT[group]}"
    hint = suggestion(name, [*names, *(plugin.qualified for plugin in plugins)])
    if len(names) > _MAX_LISTED_NAMES:
        return f"unknown {what} {name!r}{hint}: ttbench --list shows what is installed"
    return f"unknown {what} {name!r}{hint}: installed are {', '.join(names)}"
