"""A sweep as it was defined: its axes and what all its runs have in common; it builds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ttbench_core.errors import RequestError
from ttbench_core.sweeps.definition.axes import Setting, axis_order

__all__ = ["Scenario", "Sweep", "SweepError"]


class SweepError(RequestError):
    """The definition of a sweep is wrong; the message names where it is given, and the remedy."""


@dataclass(frozen=True)
class Scenario:
    """Settings with a name, which win over those of the grid."""

    name: str
    settings: Mapping[str, Setting] = field(hash=False)


@dataclass(frozen=True)
class Sweep:
    """What is asked of a sweep, checked; `sweep_of` makes it.

    Two ways to write the same definition make equal sweeps: an axis of one value is a setting,
    and names of axes are canonical.
    """

    name: str
    #: What all runs have in common, by axis; the values of an axis may be replaced by a scenario.
    settings: Mapping[str, Setting] = field(hash=False)
    #: Values by axis, which multiply. `model` may have patterns, see `models`.
    grid: Mapping[str, tuple[Setting, ...]] = field(hash=False)
    #: Values by axis that move together; all of one mapping are of one length.
    zips: tuple[Mapping[str, tuple[Setting, ...]], ...] = field(default=(), hash=False)
    #: Each multiplies the grid.
    scenarios: tuple[Scenario, ...] = ()
    #: Runs whose settings have one of the values for each axis of a mapping are left out.
    excludes: tuple[Mapping[str, tuple[Setting, ...]], ...] = field(default=(), hash=False)
    #: What the names of machines mean, by name: see `machines.matches`.
    machines: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict, hash=False)
    #: How often each run is repeated.
    rounds: int = 1
    #: What `-o` takes; not checked here.
    outputs: tuple[str, ...] = ()
    #: Seed of the order of the runs in each round.
    order_seed: int = 0
    #: Seconds that a run may take; None is no limit.
    cell_timeout_s: float | None = None
    #: The file or function that defines it, for messages.
    source: str = field(default="sweep", compare=False)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of what may differ between runs, in the order of a run's options."""
        of_scenarios = (name for one in self.scenarios for name in one.settings)
        of_zips = (name for one in self.zips for name in one)
        return tuple(axis_order({*self.grid, *of_zips, *of_scenarios}))

    def values_of(self, axis: str) -> tuple[Setting, ...]:
        """Give every value that an axis has anywhere, each once."""
        values = [self.settings[axis]] if axis in self.settings else []
        for table in (self.grid, *self.zips):
            values += table.get(axis, ())
        values += [one.settings[axis] for one in self.scenarios if axis in one.settings]
        return tuple(dict.fromkeys(values))
