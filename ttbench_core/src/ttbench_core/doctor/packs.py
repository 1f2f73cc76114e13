"""The installed distributions that register models, and whether each can be loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ttbench_core.doctor.probe import Probe
from ttbench_core.plugins.registry import MODELS, Plugin

__all__ = ["BrokenModel", "PackReport", "count_models", "probe_pack"]


@dataclass(frozen=True)
class BrokenModel:
    """A registered model that cannot be loaded."""

    name: str
    entry_point: str
    reason: str


@dataclass(frozen=True)
class PackReport:
    """One distribution that registers models."""

    name: str
    version: str
    #: How many it registers, the broken ones included.
    models: int
    broken_models: tuple[BrokenModel, ...] = ()
    #: Why it could not be probed completely: it crashes or hangs; None if it could.
    fault: str | None = None

    @property
    def is_broken(self) -> bool:
        """Whether any part of it cannot be used."""
        return self.fault is not None or bool(self.broken_models)


def count_models(plugins: Iterable[Plugin]) -> dict[tuple[str, str], int]:
    """Count the models of each distribution, by its name and version; sorted."""
    return dict(sorted(Counter((one.pack, one.version) for one in plugins).items()))


def probe_pack(name: str, version: str, models: int, probe: Probe) -> PackReport:
    """Load every model of a pack in a process of its own; never raises for what they do."""
    result = probe.run(MODELS, pack=name, version=version)
    broken = tuple(BrokenModel(**model) for model in result.facts.get("broken", ()))
    return PackReport(name, version, models, broken, result.fault)
