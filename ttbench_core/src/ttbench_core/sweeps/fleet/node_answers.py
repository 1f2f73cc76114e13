"""What a machine of a fleet says of itself: the process that asks its doctor, or plans a sweep.

Its `main` reads one JSON question from stdin and writes the answer to stdout, as JSON lines after a
line that begins it.
"""

from __future__ import annotations

import functools
import json
import socket
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ttbench_core.doctor.diagnosis import diagnose
from ttbench_core.errors import TtbenchError, one_line
from ttbench_core.request.options import RunOptions
from ttbench_core.running.processes.handshake import own_version
from ttbench_core.sweeps.definition.definition_record import sweep_of_record
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.identity import commit_of
from ttbench_core.sweeps.planning.machines import machine_facts, machine_name
from ttbench_core.sweeps.planning.plan import Plan
from ttbench_core.sweeps.planning.planning import plan_sweep

__all__ = ["ANSWER", "REPORT", "main", "plan_head", "planned_cell"]

#: The line before an answer: whatever else is printed comes earlier.
ANSWER: Final = "answer of ttbench:"

#: The question for what is here; a question for a plan has the definition.
REPORT: Final[Mapping[str, Any]] = {"ask": "report"}


def main() -> None:
    """Answer the question on stdin."""
    question = json.loads(sys.stdin.readline())
    try:
        lines = [_report()] if question == REPORT else _plan(question["definition"])
        text = "\n".join(map(json.dumps, lines))
    except TtbenchError as error:
        text = json.dumps({"error": one_line(error)})
    sys.stdout.write(f"{ANSWER}\n{text}\n")


def _report() -> dict[str, Any]:
    facts = machine_facts()
    return {
        "core": own_version(),
        "host": socket.gethostname(),
        "machine": facts,
        "machine_name": machine_name(facts),
        "commit": commit_of(None),
        "doctor": diagnose().to_record(),
    }


def _plan(definition: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    plan = plan_sweep(sweep_of_record(definition), refuse_unknown=True)
    yield plan_head(plan)
    yield from map(planned_cell, plan.cells)


def plan_head(plan: Plan) -> dict[str, Any]:
    """Give what is known of a plan beside its cells, which follow, each on a line of its own."""
    return {
        "identity": plan.identity,
        "left_out": [[one.reason, one.cells] for one in plan.left_out],
        "excluded": plan.excluded,
        "elsewhere": dict(plan.elsewhere),
        "notes": list(plan.notes),
    }


def planned_cell(cell: Cell) -> dict[str, Any]:
    """Give a cell of a plan as JSON values."""
    other = cell.request.interpreter
    return {
        "key": cell.key,
        "label": cell.label,
        "scenario": cell.scenario,
        "settings": dict(cell.settings),
        "options": _asked(cell.request.options),
        "interpreter": None if other is None else other.to_record(),
        "refused": cell.refused,
        "devices": list(cell.devices),
        "same": cell.same,
        "merged": list(cell.merged),
    }


def _asked(options: RunOptions) -> dict[str, Any]:
    """Give the options that differ from their defaults: a plan may have 100,000 cells."""
    defaults = _defaults()
    given = options.as_requested()
    return {name: value for name, value in given.items() if defaults[name] != value}


@functools.cache
def _defaults() -> Mapping[str, Any]:
    return RunOptions("any").as_requested() | {"model": None}
