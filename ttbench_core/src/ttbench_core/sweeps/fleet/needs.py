"""What a cell needs of a machine: its processors, and which devices it may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ttbench_core.request.options import RunOptions

__all__ = [
    "ALL",
    "ASSIGNED",
    "GPU",
    "NONE",
    "TENSTORRENT",
    "Needs",
    "missing_resource",
    "needs_of",
    "resource_of",
]

_CPU: Final = "cpu"
#: Resources whose devices Ray gives itself, with numbers: see its accelerator managers.
GPU: Final = "GPU"
TENSTORRENT: Final = "TTNPU"
#: The resource that has the devices of a kind of `-d`; any other kind is a resource of its name.
_RESOURCES: Final[Mapping[str, str]] = {
    "cuda": GPU,
    "silicon": TENSTORRENT,
    "tt": TENSTORRENT,
}
#: Which devices the process of a cell sees: those that the cluster gave it, none, or all.
ASSIGNED: Final = "assigned"
NONE: Final = "none"
ALL: Final = "all"


@dataclass(frozen=True)
class Needs:
    """What a task asks a cluster for."""

    cpus: float
    gpus: float = 0
    #: By name, others than processors and GPUs.
    resources: Mapping[str, float] = field(default_factory=dict, hash=False)
    visible: str = ALL


def resource_of(kind: str) -> str:
    """Give the resource that has the devices of a kind."""
    return _RESOURCES.get(kind, kind)


def needs_of(options: RunOptions, declared: Mapping[str, float], jobs: int = 1) -> Needs:
    """Give what a cell needs of a machine that it may run on.

    With one job a machine each cell has all processors of its machine, so that no other cell is
    beside it. A cell on the processor sees no accelerator. One that names a kind of device gets
    as many as it has chips, and the cluster says which. One that names no device, or a device by
    its number, gets all.

    Args:
        options: what is measured.
        declared: the resources of the machine, by name.
        jobs: how many cells may run at once on a machine, each on devices of its own.
    """
    cpus = declared.get("CPU", 0.0)
    kind, _, index = (options.device or "").partition(":")
    if kind == _CPU:
        return Needs(cpus, visible=NONE)
    name = resource_of(kind)
    if not kind or index or name not in declared:
        accelerators = {TENSTORRENT: declared[TENSTORRENT]} if TENSTORRENT in declared else {}
        return Needs(cpus, declared.get(GPU, 0.0), accelerators, ALL)
    shared_cpus = cpus if jobs == 1 else float(max(1, int(cpus // jobs)))
    count = float(options.chips)
    if name == GPU:
        return Needs(shared_cpus, count, visible=ASSIGNED)
    return Needs(shared_cpus, resources={name: count}, visible=ASSIGNED)


def missing_resource(needs: Needs, declared: Mapping[str, float]) -> str | None:
    """Say what a machine declares too little of, so that a cell would wait for ever."""
    wanted = {"CPU": max(1.0, needs.cpus), GPU: needs.gpus, **needs.resources}
    for name, count in wanted.items():
        if declared.get(name, 0.0) < count:
            return f"the machine declares {declared.get(name, 0.0):g} {name}, not {count:g}"
    return None
