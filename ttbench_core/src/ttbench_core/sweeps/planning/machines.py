"""Machines: the facts of this one, what the tables of a sweep say of others, and their names."""

from __future__ import annotations

import fnmatch
import platform
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from ttbench_core.record.environment import host_facts
from ttbench_core.record.environment import machine_name as host_name
from ttbench_core.record.machines import describe_machine
from ttbench_core.sweeps.definition.axes import Setting

__all__ = [
    "DEVICE",
    "EVERY",
    "HOST",
    "NUMBERS",
    "TEXTS",
    "host_name",
    "machine_facts",
    "machine_name",
    "matches",
]

#: The name that is every kind of machine; no table has it.
EVERY: Final = "every"
#: What a table may say besides facts of the machine: of its devices, and of its host's name.
DEVICE: Final = "device"
HOST: Final = "host"
#: Facts that a table gives a pattern of, and those that it gives a number of.
TEXTS: Final = ("machine", "cpu", "python", DEVICE, HOST)
NUMBERS: Final = ("logical_cores", "usable_cores", "cpu_quota_cores", "memory_gib")
#: Of the facts of a host, those that stay as long as the machine is the same. Its name is none:
#: a container has another one each time.
_OF_MACHINE: Final = ("machine", "cpu", "logical_cores", "usable_cores", "cpu_quota_cores")
_BYTES_PER_GIB: Final = 1 << 30


def machine_facts() -> dict[str, Any]:
    """Give what identifies this machine, as records describe it: processor, cores, memory."""
    host = host_facts()
    memory_bytes = host["memory_bytes"]
    gib = round(memory_bytes / _BYTES_PER_GIB) if isinstance(memory_bytes, int) else None
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        **{name: host[name] for name in _OF_MACHINE},
        "memory_gib": gib,
        "python": f"{platform.python_implementation()} {python}",
    }


def machine_name(facts: Mapping[str, Any], accelerators: Iterable[str] = ()) -> str:
    """Give the name that describes a machine, as tables of results have it.

    It is equal for machines with equal facts, on which the same devices are used.

    Args:
        facts: of `machine_facts`.
        accelerators: names of the devices that are used, without the processor.
    """
    return describe_machine(facts, accelerators) or str(facts.get("machine") or "unknown machine")


def matches(
    table: Mapping[str, Setting], facts: Mapping[str, Any], devices: Collection[str]
) -> bool:
    """Return whether a machine is one that a table of a sweep describes; all of it must hold.

    Texts are patterns (`*EPYC*`) without regard to case, numbers are equal. A fact that is not
    known does not hold.

    Args:
        table: `[machines.NAME]`, by the names of facts.
        facts: of `machine_facts`, with the name of the host as `host`.
        devices: names of the devices that engines report there.
    """
    return all(_holds(name, wanted, facts, devices) for name, wanted in table.items())


def _holds(name: str, wanted: Setting, facts: Mapping[str, Any], devices: Collection[str]) -> bool:
    if name == DEVICE:
        return any(_is_like(one, str(wanted)) for one in devices)
    found = facts.get(name)
    if isinstance(wanted, str):
        return found is not None and _is_like(str(found), wanted)
    return bool(found == wanted)


def _is_like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text.lower(), pattern.lower())
