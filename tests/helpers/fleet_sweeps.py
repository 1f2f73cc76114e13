"""Sweeps over made-up devices of several machines, and what they noted of their use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ttbench_core.sweeps.definition.definition_checks import sweep_of
from ttbench_core.sweeps.definition.sweep import Sweep

NODE_COUNT = 2
ENGINE = Path(__file__).parent.parent / "packs" / "fleet"
SETTINGS = {
    "backend": "slots",
    "device": "slots",
    "passes": 2,
    "warmup": 0,
    "verify": False,
    "roofline": False,
}


def fleet_sweep(cells: int, **parts: Any) -> Sweep:
    """Make a sweep of so many cells on the made-up devices."""
    grid = {"model": "numbered", "model_options.number": list(range(cells))}
    return sweep_of(grid=grid, settings=SETTINGS, **parts)


def node_variables(folder: Path, number: int, log: Path) -> dict[str, str]:
    """Give the variables of a made-up machine: it has locks and devices of its own.

    Args:
        folder: for its temporary files.
        number: of the machine.
        log: where uses of devices are noted.
    """
    temporary = folder / f"node-{number}"
    temporary.mkdir()
    return {
        "PYTHONPATH": str(ENGINE),
        "TMPDIR": str(temporary),
        "TTBENCH_FLEET_LOG": str(log),
        "TTBENCH_FLEET_NODE": str(number),
    }


def overlaps_in(uses: Iterable[Mapping[str, Any]]) -> int:
    """Count how often a device was taken that another process still used.

    A process that was killed notes no end: it had its device until its last note.
    """
    in_order = sorted(uses, key=lambda one: one["time_ns"])
    last_ns = {one["pid"]: one["time_ns"] for one in in_order}
    overlaps, until_ns = 0, dict[tuple[str, str], int]()
    for one in in_order:
        if one["what"] == "begin":
            place = one["node"], one["device"]
            overlaps += one["time_ns"] < until_ns.get(place, 0)
            until_ns[place] = last_ns[one["pid"]]
    return overlaps
