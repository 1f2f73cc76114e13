"""From a definition to the settings of each cell: product, zips, scenarios."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ttbench_core.sweeps.definition.axes import Setting, axis_order
from ttbench_core.sweeps.definition.sweep import Scenario, Sweep, SweepError

__all__ = ["MAX_CELLS", "Assignment", "assignments"]

#: A larger sweep is a mistake: each cell takes seconds at least.
MAX_CELLS: Final = 100_000


@dataclass(frozen=True)
class Assignment:
    """The settings of one cell, by axis, and the scenario that it belongs to."""

    settings: Mapping[str, Setting] = field(hash=False)
    scenario: str | None = None


def assignments(sweep: Sweep) -> Iterator[Assignment]:
    """Yield the settings of each cell, also of those that are excluded.

    The order follows the axes in the order of a run's options, and not the order in which they
    are written. An axis that a scenario sets does not multiply its cells.

    Args:
        sweep: with the names of models for their patterns.

    Raises `SweepError` for more than `MAX_CELLS`.
    """
    scenarios: tuple[Scenario | None, ...] = sweep.scenarios or (None,)
    _refuse_too_many(sweep, scenarios)
    for scenario in scenarios:
        own = scenario.settings if scenario else {}
        grid = _grid_of(sweep, scenario)
        every_row = list(itertools.product(*map(_rows, sweep.zips)))
        for values, rows in itertools.product(itertools.product(*grid.values()), every_row):
            settings = {**sweep.settings, **dict(zip(grid, values, strict=True))}
            for row in rows:
                settings.update(row)
            settings.update(own)
            ordered = {axis: settings[axis] for axis in axis_order(settings)}
            yield Assignment(ordered, scenario.name if scenario else None)


def _grid_of(sweep: Sweep, scenario: Scenario | None) -> dict[str, tuple[Setting, ...]]:
    own = scenario.settings if scenario else {}
    return {axis: values for axis, values in sweep.grid.items() if axis not in own}


def _rows(columns: Mapping[str, tuple[Setting, ...]]) -> list[dict[str, Setting]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _refuse_too_many(sweep: Sweep, scenarios: tuple[Scenario | None, ...]) -> None:
    of_zips = math.prod(len(next(iter(one.values()))) for one in sweep.zips)
    count = sum(math.prod(map(len, _grid_of(sweep, one).values())) for one in scenarios) * of_zips
    if count > MAX_CELLS:
        sizes = ", ".join(f"{axis} has {len(values):,}" for axis, values in sweep.grid.items())
        raise SweepError(
            f"{sweep.source}: {count:,} cells; at most {MAX_CELLS:,} ({sizes}): write fewer values"
        )
