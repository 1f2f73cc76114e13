"""One plan of what the kinds of machines of a fleet have each planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ttbench_core.errors import UnknownNameError
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.fleet.cell_reading import CellReader
from ttbench_core.sweeps.fleet.kinds import Kind
from ttbench_core.sweeps.fleet.needs import missing_resource, needs_of
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.cell_making import is_unknown_model
from ttbench_core.sweeps.planning.combinations import combination_of
from ttbench_core.sweeps.planning.plan import LeftOut, Plan

__all__ = ["FleetPlan", "KindPlan", "fleet_plan", "fleet_sentences", "kind_plan"]


@dataclass(frozen=True)
class KindPlan:
    """What a kind of machine has planned."""

    kind: Kind
    #: By combination.
    cells: Mapping[str, Cell] = field(hash=False)
    left_out: tuple[LeftOut, ...] = ()
    excluded: int = 0
    #: Cells of other machines, by the names of these.
    elsewhere: Mapping[str, int] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FleetPlan:
    """A plan, and where its cells can run."""

    plan: Plan
    kinds: tuple[Kind, ...]
    #: The kinds that can run a cell, by its key.
    where: Mapping[str, tuple[Kind, ...]] = field(hash=False)
    #: Why machines take no part, by their names.
    absent: Mapping[str, str] = field(default_factory=dict, hash=False)

    def cells_of(self, kind: Kind) -> int:
        """Count the cells that a kind of machine can run."""
        return sum(kind in kinds for kinds in self.where.values())


def kind_plan(kind: Kind, head: Mapping[str, Any], cells: Iterable[Mapping[str, Any]]) -> KindPlan:
    """Read the plan that a machine of a kind has answered with.

    Args:
        kind: its kind.
        head: of `node_answers.plan_head`.
        cells: of `node_answers.planned_cell`.
    """
    reading = CellReader()
    read = (_declared(reading.cell(one), kind) for one in cells)
    return KindPlan(
        kind,
        {combination_of(one.settings, one.scenario, one.label): one for one in read},
        tuple(LeftOut(str(reason), int(count)) for reason, count in head["left_out"]),
        int(head["excluded"]),
        {str(name): int(count) for name, count in head["elsewhere"].items()},
        tuple(map(str, head["notes"])),
    )


def fleet_plan(
    sweep: Sweep,
    identity: str,
    plans: Sequence[KindPlan],
    measured: Collection[str] = (),
    absent: Mapping[str, str] | None = None,
) -> FleetPlan:
    """Make one plan: each combination of settings runs on one kind of machine.

    That is the one that has measured it already, else of those that can run it the one that has
    measured the most cells, or has the most machines: cells of a sweep are to be comparable.

    Raises `UnknownNameError` for a model that no machine has.

    Args:
        sweep: the definition.
        identity: of the definition.
        plans: of each kind, the one with the most machines first.
        measured: keys of cells that have a record.
        absent: why machines take no part, by their names.
    """
    plans = sorted(plans, key=lambda one: -_count_measured(one, measured))
    combinations = dict.fromkeys(text for one in plans for text in one.cells)
    chosen = [_chosen(text, plans, measured) for text in combinations]
    cells = tuple(replace(one, number=number) for number, one in enumerate(chosen, 1))
    first = plans[0] if plans else None
    return FleetPlan(
        Plan(
            sweep,
            identity,
            cells,
            first.left_out if first else (),
            first.excluded if first else 0,
            _nowhere(plans),
            tuple(_notes(plans)),
        ),
        tuple(one.kind for one in plans),
        _where(plans),
        absent or {},
    )


def fleet_sentences(fleet: FleetPlan) -> Iterator[str]:
    """Say what machines there are, and which cells they can run."""
    for kind in fleet.kinds:
        count = len(kind.nodes)
        machines = "machine" if count == 1 else "machines"
        engines = ", ".join(kind.reports[0].backends) or "no engine"
        yield f"{count} {machines} {kind.name}: {fleet.cells_of(kind)} cells; {engines}"
    for name, reason in fleet.absent.items():
        yield f"{name} takes no part: {reason}"


def _count_measured(plan: KindPlan, measured: Collection[str]) -> int:
    return sum(cell.key in measured for cell in plan.cells.values())


def _chosen(text: str, plans: Sequence[KindPlan], measured: Collection[str]) -> Cell:
    known = [one.cells[text] for one in plans if text in one.cells]
    able = [cell for cell in known if cell.refused is None]
    if not able:
        return _refused(known)
    return next((cell for cell in able if cell.key in measured), able[0])


def _refused(known: Sequence[Cell]) -> Cell:
    """Give a cell that no kind can run; raises `UnknownNameError` where none has its model."""
    has_model = [one for one in known if not is_unknown_model(one.refused)]
    if not has_model:
        raise UnknownNameError(f"no machine has the model: {known[0].refused}")
    return has_model[0]


def _where(plans: Sequence[KindPlan]) -> dict[str, tuple[Kind, ...]]:
    found: dict[str, tuple[Kind, ...]] = {}
    shared: dict[tuple[Kind, ...], tuple[Kind, ...]] = {}
    for plan in plans:
        for cell in plan.cells.values():
            if cell.refused is None:
                kinds = (*found.get(cell.key, ()), plan.kind)
                found[cell.key] = shared.setdefault(kinds, kinds)
    return found


def _nowhere(plans: Sequence[KindPlan]) -> dict[str, int]:
    """Count the cells of machines that no kind is, by their names."""
    first = plans[0].elsewhere if plans else {}
    return {
        name: count for name, count in first.items() if all(name in one.elsewhere for one in plans)
    }


def _notes(plans: Sequence[KindPlan]) -> Iterator[str]:
    """Yield what all kinds say, then what only some say, with their names."""
    counts = Counter(note for one in plans for note in dict.fromkeys(one.notes))
    yield from (note for note, count in counts.items() if count == len(plans))
    for one in plans:
        yield from (f"{one.kind.name}: {note}" for note in one.notes if counts[note] < len(plans))


def _declared(cell: Cell, kind: Kind) -> Cell:
    """Refuse a cell that needs more than its machine declares to the cluster."""
    if cell.refused is not None:
        return cell
    declared = kind.nodes[0].resources
    needs = needs_of(cell.request.options, declared)
    return replace(cell, refused=missing_resource(needs, declared))
