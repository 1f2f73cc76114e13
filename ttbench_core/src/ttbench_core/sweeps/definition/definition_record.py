"""A definition as JSON values, and back: for another machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ttbench_core.sweeps.definition.definition_checks import sweep_from
from ttbench_core.sweeps.definition.draft import Draft
from ttbench_core.sweeps.definition.sweep import Sweep

__all__ = ["definition_record", "sweep_of_record"]


def definition_record(sweep: Sweep) -> dict[str, Any]:
    """Give a definition as JSON values; `sweep_of_record` gives an equal one.

    Without its outputs: records are stored by whoever has the definition.
    """
    return {
        "name": sweep.name,
        "settings": dict(sweep.settings),
        "grid": {axis: list(values) for axis, values in sweep.grid.items()},
        "zips": [{axis: list(values) for axis, values in one.items()} for one in sweep.zips],
        "scenarios": [[one.name, dict(one.settings)] for one in sweep.scenarios],
        "excludes": [
            {axis: list(values) for axis, values in one.items()} for one in sweep.excludes
        ],
        "machines": {name: dict(table) for name, table in sweep.machines.items()},
        "rounds": sweep.rounds,
        "order_seed": sweep.order_seed,
        "cell_timeout_s": sweep.cell_timeout_s,
        "source": sweep.source,
    }


def sweep_of_record(record: Mapping[str, Any]) -> Sweep:
    """Make the sweep that a record is of; raises `SweepError` for one that is wrong."""
    scenarios = tuple((name, settings) for name, settings in record["scenarios"])
    return sweep_from(Draft(**{**record, "scenarios": scenarios}))
