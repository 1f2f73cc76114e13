"""The list of installed models, made in a process of its own: no pack can end or hide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.doctor.probe import Probe
from ttbench_core.doctor.probe_child import LISTING
from ttbench_core.errors import TtbenchError
from ttbench_core.model import Declared
from ttbench_core.plugins.catalogue import ModelEntry

__all__ = ["list_installed_models"]

#: How long all packs together may take to be imported.
_TIMEOUT_S: Final = 60.0


def list_installed_models(timeout_s: float = _TIMEOUT_S) -> tuple[ModelEntry, ...]:
    """List every model of packs and zoos; one that cannot be used has an `error`.

    What a pack does when it is imported happens in another process. Where that ends it, or takes
    too long, the others are asked in a new one.

    Args:
        timeout_s: how long a process may take.
    """
    faults: dict[str, str] = {}
    while True:
        found = Probe(timeout_s).run(LISTING, **faults)
        if found.fault is None:
            return tuple(map(_entry, found.facts["entries"]))
        if found.step is None or found.step in faults:
            raise TtbenchError(f"the installed models cannot be listed: {found.fault}")
        faults[found.step] = found.fault.removeprefix(f"{found.step}: ")


def _entry(facts: Mapping[str, Any]) -> ModelEntry:
    declared = {name: Declared(**one) for name, one in facts["declared"].items()}
    return ModelEntry(**{**facts, "configs": tuple(facts["configs"]), "declared": declared})
