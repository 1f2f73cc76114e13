"""What is still to be run of a plan, in the order of its rounds."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.cells import Cell
from ttbench_core.sweeps.journal import Journal
from ttbench_core.sweeps.launching import launch_facts
from ttbench_core.sweeps.ordering import orders
from ttbench_core.sweeps.plan import Plan

__all__ = ["CellRun", "Schedule", "schedule"]


@dataclass(frozen=True)
class CellRun:
    """A cell in a round."""

    cell: Cell
    round: int
    #: Its place in the order of the round, from 0.
    position: int
    #: For the record: which sweep, cell and round it is of.
    stamp: Mapping[str, Any]

    def request(self, beside: Sequence[str] = ()) -> RunRequest:
        """Give what is measured.

        Args:
            beside: labels of the cells that run at the same time.
        """
        return replace(self.cell.request, sweep={**self.stamp, "beside": list(beside)})


@dataclass(frozen=True)
class Schedule:
    """The runs of a plan: those to come, and what is known of the others."""

    #: In the order in which they run.
    wanted: tuple[CellRun, ...]
    #: Cells that are refused before they run and have no row yet.
    to_refuse: tuple[CellRun, ...]
    #: How many have a number, failed, are refused: of earlier times.
    done: int
    failed: int
    refused: int


def schedule(plan: Plan, journal: Journal, retry: Collection[str] = ()) -> Schedule:
    """Give what is to be run of a plan.

    Args:
        plan: the cells and the number of rounds.
        journal: what is known of earlier times.
        retry: statuses of rows that are run again: `failed`, `refused`.
    """
    cells = {cell.key: cell for cell in plan.cells}
    runnable = [key for key, cell in cells.items() if cell.refused is None]
    sweep = plan.sweep
    wanted: list[CellRun] = []
    counts = {"ok": 0, "failed": 0, "refused": 0}
    ended: set[str] = set()
    for number, order in enumerate(orders(runnable, sweep.rounds, sweep.order_seed), 1):
        for position, key in enumerate(order):
            status = journal.status(key, number)
            if status in counts and status not in retry:
                counts[status] += 1
                if status != "ok":
                    ended.add(key)
            elif key not in ended:
                wanted.append(_run(plan, cells[key], number, position))
    refused = [cell for cell in plan.cells if cell.refused is not None]
    to_refuse = [
        _run(plan, cell, 1, 0) for cell in refused if journal.status(cell.key, 1) != "refused"
    ]
    return Schedule(
        tuple(wanted),
        tuple(to_refuse),
        done=counts["ok"],
        failed=counts["failed"],
        refused=counts["refused"] + len(refused) - len(to_refuse),
    )


def _run(plan: Plan, cell: Cell, number: int, position: int) -> CellRun:
    sweep = plan.sweep
    stamp = {
        "name": sweep.name,
        "identity": plan.identity,
        "cell": cell.key,
        "label": cell.label,
        "round": number,
        "rounds": sweep.rounds,
        "position": position,
        "order_seed": sweep.order_seed,
        "scenario": cell.scenario,
        "settings": dict(cell.settings),
        "shard": None if plan.shard is None else str(plan.shard),
        "launch": launch_facts(os.environ),
    }
    if cell.merged:
        stamp["merged"] = list(cell.merged)
    return CellRun(cell, number, position, stamp)
