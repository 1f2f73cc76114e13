"""The installed distributions that register models, and whether each can be loaded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ttbench_core.doctor.probe import Probe
from ttbench_core.plugins.registry import MODELS, ZOOS, discover
from ttbench_core.plugins.zoos import discover_zoos

__all__ = ["BrokenModel", "PackReport", "count_plugins", "probe_pack"]


@dataclass(frozen=True)
class BrokenModel:
    """A registered model that cannot be loaded, or a zoo (`zoo NAME`)."""

    name: str
    entry_point: str
    reason: str


@dataclass(frozen=True)
class PackReport:
    """One distribution that registers models."""

    name: str
    version: str
    #: How many it registers, the broken ones included, and how many its zoos list.
    models: int
    broken_models: tuple[BrokenModel, ...] = ()
    #: Why it could not be probed completely: it crashes or hangs; None if it could.
    fault: str | None = None

    @property
    def is_broken(self) -> bool:
        """Whether any part of it cannot be used."""
        return self.fault is not None or bool(self.broken_models)


def count_plugins() -> dict[tuple[str, str], tuple[int, int]]:
    """Count the models and the zoos that each distribution registers.

    Returns both counts by its name and version; sorted.
    """
    registered = discover(MODELS)
    models = Counter((one.pack, one.version) for one in registered)
    zoos = Counter((one.pack, one.version) for one in discover_zoos(registered))
    return {pack: (models[pack], zoos[pack]) for pack in sorted({*models, *zoos})}


def probe_pack(name: str, version: str, models: int, probe: Probe, *, zoos: int = 0) -> PackReport:
    """Load every model of a pack, and every zoo, in a process of its own for each kind.

    Never raises for what they do.
    """
    counts = {MODELS: models, ZOOS: zoos}
    results = [probe.run(group, pack=name, version=version) for group in counts if counts[group]]
    broken = [BrokenModel(**one) for result in results for one in result.facts.get("broken", ())]
    listed = sum(result.facts.get("listed", 0) for result in results)
    faults = [result.fault for result in results if result.fault is not None]
    return PackReport(name, version, models + listed, tuple(broken), "; ".join(faults) or None)
