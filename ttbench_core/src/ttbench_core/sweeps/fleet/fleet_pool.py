"""The cells that run now on the machines of a fleet: a `CellRunner` on a cluster."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from ttbench_core.errors import TtbenchError, one_line
from ttbench_core.record.record_checks import result_of
from ttbench_core.sweeps.cell_runner import Ended
from ttbench_core.sweeps.fleet.cluster import (
    Answered,
    Cluster,
    ClusterTask,
    Failed,
    Lost,
    Message,
    Started,
)
from ttbench_core.sweeps.fleet.fleet_plan import FleetPlan
from ttbench_core.sweeps.fleet.needs import needs_of
from ttbench_core.sweeps.fleet.node_cell import cell_order
from ttbench_core.sweeps.schedule import CellRun

__all__ = ["FleetPool"]

_POLL_S: Final = 0.2
#: Tasks in the queue of the cluster for each cell that can run: a machine never waits for the
#: driver, and what is in the queue is little.
_QUEUED: Final = 2
_NO_MACHINE: Final = "no machine that can run it is left"
#: How often the cluster is asked which machines are alive.
_REFRESH_S: Final = 5.0


class FleetPool:
    """Keeps a bounded number of cells in the queue of a cluster.

    Args:
        cluster: what runs them.
        fleet: where they can run.
        jobs: how many cells a machine runs at once.
    """

    def __init__(self, cluster: Cluster, fleet: FleetPlan, jobs: int) -> None:
        self.launch: Mapping[str, str] | None = {"by": "ray"}
        self._cluster: Final = cluster
        self._fleet: Final = fleet
        self._jobs: Final = jobs
        self._running: Final[dict[int, CellRun]] = {}
        self._began: Final[dict[int, tuple[str, float]]] = {}
        self._nodes_of: Final[dict[int, frozenset[str]]] = {}
        self._in_lane: Final[Counter[tuple[str, ...]]] = Counter()
        self._alive: frozenset[str] = frozenset(one.id for one in cluster.nodes())
        self._refreshed_s = time.monotonic()

    @property
    def runs(self) -> Collection[CellRun]:
        """The cells that run, or are in the queue of the cluster."""
        return self._running.values()

    @property
    def started(self) -> list[CellRun]:
        """The cells that a machine runs."""
        return [self._running[task] for task in self._began]

    def lane(self, run: CellRun) -> tuple[str, ...]:
        """Give the kinds of machines that can run a cell."""
        return tuple(kind.fingerprint for kind in self._fleet.where[run.cell.key])

    def start(self, run: CellRun) -> Ended | bool:
        """Queue a cell if few are in the queue; one that no machine is left for stays left."""
        choice = self._choice(run)
        if choice is None:
            return Ended(run, 0.0, {"status": "left", "reason": _NO_MACHINE})
        declared, nodes = choice
        lane = self.lane(run)
        if self._in_lane[lane] >= _QUEUED * self._jobs * len(nodes):
            return False
        needs = needs_of(run.cell.request.options, declared, self._jobs)
        order = cell_order(run, self._jobs, needs.visible)
        task = self._cluster.start(ClusterTask(order, needs, nodes, f"ttbench {run.cell.label}"))
        self._running[task] = run
        self._nodes_of[task] = frozenset(nodes)
        self._in_lane[lane] += 1
        return True

    def reason_to_wait(self, run: CellRun) -> str:
        """Say what a cell waits for."""
        return f"waiting for a machine for {run.cell.label}"

    def ended(self) -> list[Ended]:
        """Wait a moment for cells that end."""
        found = [self._ended(message) for message in self._cluster.wait(_POLL_S)]
        ended = [one for one in found if one is not None]
        if time.monotonic() - self._refreshed_s > _REFRESH_S:
            ended += self._without_machine()
        return ended

    def interrupt(self) -> Iterator[Ended]:
        """End all cells; what they have measured is not kept."""
        runs = list(self._running.values())
        self.kill()
        for run in runs:
            yield Ended(run, 0.0, {"status": "interrupted"})

    def kill(self) -> None:
        """End all cells at once."""
        self._cluster.cancel(list(self._running))
        for task in list(self._running):
            self._forget(task)

    def _choice(self, run: CellRun) -> tuple[Mapping[str, float], tuple[str, ...]] | None:
        """Give what machines for a cell declare, and these: all declare the same.

        Other machines than those that it was lost on, if there are any.
        """
        for avoided in (run.avoid, frozenset[str]()):
            for kind in self._fleet.where[run.cell.key]:
                nodes = tuple(
                    one.id for one in kind.nodes if one.id in self._alive and one.id not in avoided
                )
                if nodes:
                    return kind.nodes[0].resources, nodes
        return None

    def _ended(self, message: Message) -> Ended | None:
        if message.task not in self._running:
            return None
        if isinstance(message, Started):
            self._began[message.task] = (message.node, time.monotonic())
            return None
        node, began_s = self._began.get(message.task, (None, time.monotonic()))
        run = self._forget(message.task)
        seconds = time.monotonic() - began_s
        if isinstance(message, Failed):
            return Ended(run, seconds, {"status": "failed", "crash": message.reason}, node=node)
        if isinstance(message, Lost):
            self._refresh()
            return _lost(run, message.reason, node, seconds)
        return _answered(run, message, node)

    def _forget(self, task: int) -> CellRun:
        run = self._running.pop(task)
        self._began.pop(task, None)
        self._nodes_of.pop(task, None)
        self._in_lane[self.lane(run)] -= 1
        return run

    def _refresh(self) -> None:
        self._alive = frozenset(one.id for one in self._cluster.nodes())
        self._refreshed_s = time.monotonic()

    def _without_machine(self) -> list[Ended]:
        """Queue again what waits for machines that are gone: it would wait for ever."""
        self._refresh()
        stuck = [
            task
            for task, nodes in self._nodes_of.items()
            if task not in self._began and not nodes & self._alive
        ]
        self._cluster.cancel(stuck)
        again = [self.start(self._forget(task)) for task in stuck]
        return [one for one in again if isinstance(one, Ended)]


def _answered(run: CellRun, message: Answered, node: str | None) -> Ended:
    """Read what a machine sent: text that may be anything, and is to be the record of this cell."""
    try:
        answer: Any = json.loads(message.answer)
        facts, seconds = dict(answer["facts"]), float(answer["seconds"])
        record = result_of(run.cell.label, facts["record"])
        if not _is_of(record.sweep or {}, run):
            raise ValueError("it is of another cell")
    except (ValueError, TypeError, KeyError, TtbenchError) as error:
        return _lost(run, f"its answer cannot be read: {one_line(error)}", node, 0.0)
    return Ended(run, seconds, {**facts, "status": record.status, "record": record}, node=node)


def _is_of(sweep: Mapping[str, Any], run: CellRun) -> bool:
    """Return whether the field `sweep` of a record names this try of this cell."""
    plan = run.plan
    found = [sweep.get(name) for name in ("name", "identity", "cell", "round", "attempt")]
    return found == [plan.sweep.name, plan.identity, run.cell.key, run.round, run.attempt]


def _lost(run: CellRun, reason: str, node: str | None, seconds: float) -> Ended:
    where = f"on node {node[:12]} " if node else ""
    facts = {"status": "failed", "crash": f"lost {where}with its task: {reason}"}
    return Ended(run, seconds, facts, is_lost=True, node=node)
