"""What installed distributions register, listed from their metadata; nothing is imported for it.

`importlib_metadata` finds the entry points, because it keeps the distribution and has no cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import importlib_metadata

from ttbench_core.errors import one_line

__all__ = ["Plugin", "discover", "normalized"]

_CORE = "ttbench-core"
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
        return normalized(self.pack) == _CORE

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
            if normalized(name) in seen:
                continue
            seen.add(normalized(name))
            yield from [_plugin(ep, group) for ep in distribution.entry_points.select(group=group)]
        except Exception as error:  # noqa: BLE001 - listed with its reason, so that it hides no other pack
            where = name if name != "?" else str(getattr(distribution, "_path", "a distribution"))
            reason = f"its metadata cannot be read: {one_line(error)}"
            yield Plugin(group, "?", "?", where, "?", fault=reason)


def normalized(pack: str) -> str:
    """Return the name of a distribution as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", pack).lower()
