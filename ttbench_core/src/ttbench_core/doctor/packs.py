"""The installed distributions that register models, and whether each can be loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ttbench_core.doctor.asking import Asker
from ttbench_core.plugins.registry import MODELS, Plugin

__all__ = ["BrokenModel", "PackReport", "examine_pack", "packs_among"]


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
    #: Why it could not be asked to the end: it crashes or hangs; None where it could.
    fault: str | None = None

    @property
    def is_broken(self) -> bool:
        """Whether anything of it cannot be used."""
        return self.fault is not None or bool(self.broken_models)


def packs_among(plugins: Iterable[Plugin]) -> dict[tuple[str, str], int]:
    """Count the models of each distribution, by its name and version; sorted."""
    return dict(sorted(Counter((one.pack, one.version) for one in plugins).items()))


def examine_pack(name: str, version: str, models: int, asker: Asker) -> PackReport:
    """Load every model of a pack in a process of its own; whatever it does, this is a report."""
    answer = asker.ask(MODELS, pack=name, version=version)
    broken = tuple(BrokenModel(**model) for model in answer.facts.get("broken", ()))
    return PackReport(name, version, models, broken, answer.fault)
