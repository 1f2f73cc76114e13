"""What is still to be run of a plan, in the order of its rounds."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.journal.journal import Journal
from ttbench_core.sweeps.journal.launching import launch_facts
from ttbench_core.sweeps.ordering import orders
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.plan import Plan

__all__ = ["CellRun", "Schedule", "schedule"]


@dataclass(frozen=True, slots=True)
class CellRun:
    """A cell in a round."""

    plan: Plan
    cell: Cell
    round: int
    #: Its place in the order of the round, from 0.
    position: int
    #: From 1; a run that was lost with its machine is tried once more.
    attempt: int = 1
    #: The machines that earlier tries were lost on.
    avoid: frozenset[str] = frozenset()

    def again(self, node: str | None) -> CellRun:
        """Give the next try of a run that was lost.

        Args:
            node: the machine that it was lost on; None where that is not known.
        """
        lost_on = self.avoid if node is None else self.avoid | {node}
        return replace(self, attempt=self.attempt + 1, avoid=lost_on)

    def request(self, beside: Sequence[str] = ()) -> RunRequest:
        """Give what is measured, with the place of its record in the sweep.

        Args:
            beside: labels of the cells that run at the same time.
        """
        return replace(self.cell.request, sweep={**self._stamp(), "beside": list(beside)})

    def _stamp(self) -> dict[str, Any]:
        cell, sweep = self.cell, self.plan.sweep
        merged = {"merged": list(cell.merged)} if cell.merged else {}
        return {
            "name": sweep.name,
            "identity": self.plan.identity,
            "cell": cell.key,
            "label": cell.label,
            "round": self.round,
            "rounds": sweep.rounds,
            "position": self.position,
            "attempt": self.attempt,
            "order_seed": sweep.order_seed,
            "scenario": cell.scenario,
            "settings": dict(cell.settings),
            "shard": None if self.plan.shard is None else str(self.plan.shard),
            "launch": launch_facts(os.environ),
            **merged,
        }


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
                wanted.append(CellRun(plan, cells[key], number, position))
    refused = [cell for cell in plan.cells if cell.refused is not None]
    to_refuse = [
        CellRun(plan, cell, 1, 0) for cell in refused if journal.status(cell.key, 1) != "refused"
    ]
    return Schedule(
        tuple(wanted),
        tuple(to_refuse),
        done=counts["ok"],
        failed=counts["failed"],
        refused=counts["refused"] + len(refused) - len(to_refuse),
    )
