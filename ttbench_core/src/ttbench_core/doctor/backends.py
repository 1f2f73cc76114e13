"""The registered backends: whether each can run here, its devices, and remedies if it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ttbench_core.doctor.probe import Probe, ProbeResult
from ttbench_core.plugins.registry import BACKENDS, Plugin

__all__ = ["BROKEN", "NOT_HERE", "USABLE", "BackendReport", "DeviceReport", "probe_backend"]

USABLE: Final = "usable"
NOT_HERE: Final = "not_here"
BROKEN: Final = "broken"


@dataclass(frozen=True)
class DeviceReport:
    """One device of a backend, as the backend names it."""

    #: The value of `-d` that selects it: `cuda:1`.
    spec: str
    name: str
    arch: str
    memory_bytes: int | None


@dataclass(frozen=True)
class BackendReport:
    """What one backend reports about itself, or why it cannot."""

    name: str
    pack: str
    pack_version: str
    entry_point: str
    #: `usable`; `not_here`: its engine or its devices are missing; `broken`: it cannot be loaded,
    #: raises, crashes or does not answer.
    state: str
    #: Why it is not usable, or not chosen automatically.
    reason: str = ""
    remedy: str = ""
    #: Whether it may be chosen if the user names no backend.
    automatic: bool = True
    #: Versions of the software that its speed depends on, by name.
    versions: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[DeviceReport, ...] = ()


def probe_backend(plugin: Plugin, probe: Probe) -> BackendReport:
    """Probe one backend in a process of its own; never raises for what it does."""
    result = probe.run(BACKENDS, name=plugin.name, pack=plugin.pack, value=plugin.value)
    facts = result.facts
    devices = tuple(DeviceReport(**device) for device in facts.get("devices", ()))
    state, reason = _judge(result, devices)
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


def _judge(result: ProbeResult, devices: tuple[DeviceReport, ...]) -> tuple[str, str]:
    """Return the state and its reason."""
    reason = result.facts.get("reason", "")
    if result.fault is not None:
        return BROKEN, result.fault
    if not result.facts.get("usable"):
        return NOT_HERE, reason or "it does not say why"
    if not devices:
        return NOT_HERE, reason or "it finds no device here"
    return USABLE, reason
