"""The plan of a sweep: its cells, and what is not among them and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.ordering import order_of_round
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.estimating import Estimate, total_of
from ttbench_core.sweeps.shards.shards import Shard

__all__ = ["LeftOut", "Part", "Plan"]


@dataclass(frozen=True)
class LeftOut:
    """Cells of a model and a configuration that do not belong together."""

    reason: str
    cells: int


@dataclass(frozen=True)
class Part:
    """What a shard has of a sweep."""

    shard: Shard
    #: How many cells, without those that are refused here.
    cells: int
    #: How long all its runs take by the times that cells were dealt out by; None without.
    seconds: float | None = None


@dataclass(frozen=True)
class Plan:
    """What a sweep will run here, and what it will not."""

    sweep: Sweep
    #: See `identity.identity_of`.
    identity: str
    #: Those that can run and those that are refused, in the order of the definition.
    cells: tuple[Cell, ...]
    left_out: tuple[LeftOut, ...] = ()
    #: Cells that `[[exclude]]` names.
    excluded: int = 0
    #: How many cells are of machines that this one is not, by their names.
    elsewhere: Mapping[str, int] = field(default_factory=dict, hash=False)
    #: Sentences about what could not be known.
    notes: tuple[str, ...] = ()
    #: How long a run of a cell takes, by its key, where earlier records say so.
    estimates: Mapping[str, Estimate] = field(default_factory=dict, hash=False)
    #: The shard that the cells are of; None where they are all of the sweep.
    shard: Shard | None = None
    #: All shards.
    parts: tuple[Part, ...] = ()
    #: Keys of the cells of other shards.
    keys_of_others: frozenset[str] = frozenset()

    @property
    def runnable(self) -> tuple[Cell, ...]:
        """The cells that will run, in the order of the definition."""
        return tuple(one for one in self.cells if one.refused is None)

    @property
    def refused(self) -> tuple[Cell, ...]:
        """The cells that cannot run here."""
        return tuple(one for one in self.cells if one.refused is not None)

    @property
    def merged(self) -> int:
        """How many cells of the definition measure the same as another one."""
        return sum(one.same - 1 for one in self.cells)

    @property
    def is_empty_share(self) -> bool:
        """Whether it is of a shard that has no cell, because there are more shards than cells."""
        return self.shard is not None and not self.cells and bool(self.keys_of_others)

    @property
    def runs(self) -> int:
        """How many runs all rounds have."""
        return len(self.runnable) * self.sweep.rounds

    @property
    def estimate(self) -> Estimate | None:
        """How long all runs take whose cells have an estimate; None where none has."""
        known = [self.estimates[one.key] for one in self.runnable if one.key in self.estimates]
        return total_of(known, self.sweep.rounds)

    @property
    def unknown_times(self) -> int:
        """How many cells that will run have no estimate."""
        return sum(one.key not in self.estimates for one in self.runnable)

    def order(self, number: int) -> tuple[Cell, ...]:
        """Give the cells that will run in the order of one round, counted from 1."""
        by_key = {one.key: one for one in self.runnable}
        sweep = self.sweep
        keys = order_of_round(tuple(by_key), number, sweep.rounds, sweep.order_seed)
        return tuple(by_key[key] for key in keys)
