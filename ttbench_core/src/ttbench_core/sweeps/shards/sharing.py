"""The plan of one shard: the part of a plan that it runs, and what the others have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ttbench_core.sweeps.definition.axes import MACHINE
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.combinations import numbered_combinations
from ttbench_core.sweeps.planning.estimating import Kind
from ttbench_core.sweeps.planning.plan import Part, Plan
from ttbench_core.sweeps.shards.shards import Shard, Share, deal, seconds_of_cells

__all__ = ["shared_out"]


def shared_out(plan: Plan, made: Sequence[Cell], kinds: Sequence[Kind], share: Share) -> Plan:
    """Give the part of a plan that is of one shard.

    What cells measure, so which are merged, depends on the engines of a machine. So all cells of
    the definition are dealt out, and a cell that stands for several is of the shard of the first.

    Args:
        plan: of the whole sweep.
        made: a cell for all settings of the definition, before equal ones are merged.
        kinds: of each of these.
        share: which shard, and by which times.
    """
    names = list(numbered_combinations(made))
    kind_of = dict(zip(names, kinds, strict=True))
    count = share.shard.count
    dealt: dict[str, int] = {}
    for of_machine in _by_machine(names, made):
        dealt |= deal({one: kind_of[one] for one in of_machine}, count, share.times)
    first = dict(zip(reversed([one.key for one in made]), reversed(names), strict=True))
    number_of = {key: dealt[name] for key, name in first.items()}
    own = tuple(one for one in plan.cells if number_of[one.key] == share.shard.number)
    keys = {one.key for one in own}
    cells = [0] * count
    seconds = [0.0] * count
    times = None if share.times is None else seconds_of_cells(kind_of, share.times)
    for one in plan.runnable:
        at = number_of[one.key] - 1
        cells[at] += 1
        seconds[at] += plan.sweep.rounds * (times[first[one.key]] if times else 0.0)
    return replace(
        plan,
        cells=own,
        estimates={key: one for key, one in plan.estimates.items() if key in keys},
        shard=share.shard,
        parts=tuple(
            Part(Shard(at + 1, count), cells[at], seconds[at] if times is not None else None)
            for at in range(count)
        ),
        keys_of_others=frozenset(one.key for one in plan.cells if one.key not in keys),
    )


def _by_machine(names: Sequence[str], made: Sequence[Cell]) -> Iterable[list[str]]:
    """Give the combinations of each machine: it is dealt out alone, as a machine plans its own."""
    found: dict[object, list[str]] = {}
    for name, cell in zip(names, made, strict=True):
        found.setdefault(cell.settings.get(MACHINE), []).append(name)
    return found.values()
