"""The registered backends: whether each can run here, on what, and if not, what would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ttbench_core.doctor.asking import Answer, Asker
from ttbench_core.plugins.registry import BACKENDS, Plugin

__all__ = ["BROKEN", "NOT_HERE", "USABLE", "BackendReport", "DeviceReport", "examine_backend"]

USABLE: Final = "usable"
NOT_HERE: Final = "not_here"
BROKEN: Final = "broken"


@dataclass(frozen=True)
class DeviceReport:
    """One device of a backend, as the backend names it."""

    #: What `-d` would name: `cuda:1`.
    spec: str
    name: str
    arch: str
    memory_bytes: int | None


@dataclass(frozen=True)
class BackendReport:
    """What one backend says of itself, or why it says nothing."""

    name: str
    pack: str
    pack_version: str
    entry_point: str
    #: `usable`; `not_here`: its engine or its devices are missing; `broken`: it cannot be loaded,
    #: raises, crashes or does not answer.
    state: str
    #: Why it is not usable, or not chosen by itself.
    reason: str = ""
    remedy: str = ""
    #: Whether it may be chosen where the user names none.
    automatic: bool = True
    #: Versions of the software that decides its speed, by name.
    versions: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[DeviceReport, ...] = ()


def examine_backend(plugin: Plugin, asker: Asker) -> BackendReport:
    """Ask one backend in a process of its own; whatever it does there, this is a report."""
    answer = asker.ask(BACKENDS, name=plugin.name, pack=plugin.pack, value=plugin.value)
    facts = answer.facts
    devices = tuple(DeviceReport(**device) for device in facts.get("devices", ()))
    state, reason = _judged(answer, devices)
    return BackendReport(
        name=plugin.name,
        pack=plugin.pack,
        pack_version=plugin.version,
        entry_point=plugin.value,
        state=state,
        reason=reason,
        remedy="" if state == BROKEN else facts.get("remedy", ""),
        automatic=facts.get("automatic", True),
        versions=facts.get("versions", {}),
        devices=devices,
    )


def _judged(answer: Answer, devices: tuple[DeviceReport, ...]) -> tuple[str, str]:
    """Give state and reason."""
    reason = answer.facts.get("reason", "")
    if answer.fault is not None:
        return BROKEN, answer.fault
    if not answer.facts.get("usable"):
        return NOT_HERE, reason or "it does not say why"
    if not devices:
        return NOT_HERE, reason or "it finds no device here"
    return USABLE, reason
