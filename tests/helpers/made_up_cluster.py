"""A cluster of machines that are made up: tasks end at once, or as a test wants."""

from __future__ import annotations

import functools
import json
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ttbench_core.request.options import RunOptions
from ttbench_core.running.processes.handshake import own_version
from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.cells.unmeasured import ended_record
from ttbench_core.sweeps.definition.definition_checks import sweep_of
from ttbench_core.sweeps.definition.definition_record import sweep_of_record
from ttbench_core.sweeps.fleet.cluster import Answered, ClusterTask, Lost, Message, Started
from ttbench_core.sweeps.fleet.kinds import Node
from ttbench_core.sweeps.fleet.node_answers import REPORT, planned_cell
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.expanding import assignments
from ttbench_core.sweeps.planning.identity import identity_of

OWN = ("model", "machine")
QUICK = {"backend": "fake", "passes": 2, "warmup": 0, "roofline": False, "verify": False}


def sweep_of_cells(count: int, **parts: Any) -> Any:
    """Make a sweep of so many cells."""
    return sweep_of(grid={"model": "steady", "seed": list(range(count))}, settings=QUICK, **parts)


def report(cpu: str = "EPYC", **changes: Any) -> dict[str, Any]:
    """Give what a machine says of itself."""
    machine = {"cpu": cpu, "usable_cores": 4}
    backend = {"name": "fake", "state": "usable", "pack_version": "1", "versions": {}}
    doctor = {"backends": [{**backend, "devices": []}], "packs": [], "interpreters": []}
    said = {"core": own_version(), "host": f"host of {cpu}", "machine": machine, "commit": None}
    return {**said, "machine_name": f"{cpu}, 4 cores", "doctor": doctor, **changes}


class MadeUpCluster:
    """Machines that answer what they are told to.

    Args:
        reports: what each machine says of itself, by its identifier; text is given as it is.
        refused: why a machine refuses a cell, by its identifier.
        ending: what becomes of a task: a reason for its loss, a message, or None for an answer with
            a number.
        cpus: what machines declare.
    """

    def __init__(
        self,
        reports: Mapping[str, Any],
        refused: Mapping[str, str] | None = None,
        ending: Callable[[str, ClusterTask, Mapping[str, Any]], Any] = lambda *_: None,
        cpus: float | Mapping[str, float] = 4.0,
    ) -> None:
        self._reports = dict(reports)
        self._refused = refused or {}
        self._ending = ending
        self._cpus = cpus
        self._queue: deque[tuple[int, str, ClusterTask]] = deque()
        self._count = 0
        self.asked: list[str] = []
        self.most_queued = 0
        self.cancelled: list[int] = []

    def nodes(self) -> list[Node]:
        return [
            Node(one, f"address of {one}", {"CPU": self._cpus_of(one)}) for one in self._reports
        ]

    def _cpus_of(self, node: str) -> float:
        return self._cpus if isinstance(self._cpus, float) else self._cpus[node]

    def lose(self, node: str) -> None:
        self._reports.pop(node, None)

    def ask(self, nodes: Sequence[Node], question: str, timeout_s: float) -> Mapping[str, str]:
        self.asked += [f"{json.loads(question)['ask']} {one.id}" for one in nodes]
        return {one.id: self._answer(one, json.loads(question)) for one in nodes}

    def start(self, task: ClusterTask) -> int:
        self._count += 1
        able = [one for one in task.nodes if self._cpus_of(one) >= task.needs.cpus]
        if not able:
            raise RuntimeError(f"Ray would never schedule {task}")
        self._queue.append((self._count, able[self._count % len(able)], task))
        self.most_queued = max(self.most_queued, len(self._queue))
        return self._count

    def wait(self, timeout_s: float) -> list[Message]:
        if not self._queue:
            return []
        number, node, task = self._queue.popleft()
        order = json.loads(task.order)
        reason = self._ending(node, task, order)
        ended: Message = Answered(number, answer_to(order))
        if reason is not None:
            ended = Lost(number, reason) if isinstance(reason, str) else reason(number)
        return [Started(number, node), ended]

    def cancel(self, tasks: Sequence[int]) -> None:
        self.cancelled += tasks
        self._queue = deque(one for one in self._queue if one[0] not in tasks)

    def _answer(self, node: Node, question: Mapping[str, Any]) -> str:
        said = self._reports[node.id]
        if question == REPORT or isinstance(said, str):
            return said if isinstance(said, str) else json.dumps(said)
        sweep = sweep_of_record(question["definition"])
        head = {"identity": identity_of(sweep), "left_out": [], "excluded": 0, "elsewhere": {}}
        lines = [json.dumps({**head, "notes": []})]
        for number, one in enumerate(assignments(sweep), 1):
            if not _is_on(said["host"], sweep, one.settings):
                continue
            cell = replace(_cell(number, one.settings), refused=self._refused.get(node.id))
            key = {"key": f"{said['machine']['cpu']}-{number}"}
            lines.append(json.dumps(planned_cell(cell) | key))
        return "\n".join(lines)


def _is_on(host: str, sweep: Any, settings: Mapping[str, Any]) -> bool:
    table = sweep.machines.get(settings.get("machine"), {})
    return table.get("host", host) == host


def _cell(number: int, settings: Mapping[str, Any]) -> Cell:
    keywords = {name: value for name, value in settings.items() if name not in OWN}
    request = RunRequest(RunOptions(str(settings["model"]), **keywords))
    return Cell(number, f"key-{number}", f"cell {number}", None, dict(settings), request)


def answer_to(order: Mapping[str, Any], **changes: Any) -> str:
    """Give the answer of a machine that has measured a cell."""
    cell = order["cell"]
    good = {"status": "ok", "samples_per_sec": 100.0, "total_samples": 8, "total_time": 0.08}
    own = {"run_id": uuid.uuid4().hex, "sweep": cell["sweep"]}
    record = {**_record(), **good, "error": None, "failure": None, **own, **changes}
    facts = {"status": record["status"], "rate_per_s": 100.0, "record": record}
    return json.dumps({"facts": facts, "seconds": 1.0})


@functools.cache
def _record() -> Mapping[str, Any]:
    return ended_record(RunRequest(RunOptions("steady", backend="fake")), "made up").to_record()
