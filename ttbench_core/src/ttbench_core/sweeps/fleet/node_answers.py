"""What a machine of a fleet says of itself: the process that asks its doctor, or plans a sweep.

`python -m ttbench_core.sweeps.fleet.node_answers` reads one JSON question from stdin and writes
one JSON answer to stdout.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.doctor.diagnosis import diagnose
from ttbench_core.errors import TtbenchError, one_line
from ttbench_core.running.processes.handshake import own_version
from ttbench_core.sweeps.cells import Cell
from ttbench_core.sweeps.definition_record import sweep_of_record
from ttbench_core.sweeps.identity import commit_of
from ttbench_core.sweeps.machines import machine_facts, machine_name
from ttbench_core.sweeps.plan import Plan
from ttbench_core.sweeps.planning import plan_sweep

__all__ = ["REPORT", "main", "planned_cell"]

#: The question for what is here; a question for a plan has the definition.
REPORT: Final[Mapping[str, Any]] = {"ask": "report"}


def main() -> None:
    """Answer the question on stdin."""
    question = json.loads(sys.stdin.readline())
    try:
        answer = _report() if question == REPORT else _plan(question["definition"])
    except TtbenchError as error:
        answer = {"error": one_line(error)}
    sys.stdout.write(json.dumps(answer) + "\n")


def _report() -> dict[str, Any]:
    facts = machine_facts()
    return {
        "core": own_version(),
        "host": socket.gethostname(),
        "machine": facts,
        "machine_name": machine_name(facts),
        "commit": commit_of(None),
        "doctor": diagnose(others=False).to_record(),
    }


def _plan(definition: Mapping[str, Any]) -> dict[str, Any]:
    plan = plan_sweep(sweep_of_record(definition), refuse_unknown=True)
    return {
        "identity": plan.identity,
        "cells": [planned_cell(one) for one in plan.cells],
        **_rest(plan),
    }


def _rest(plan: Plan) -> dict[str, Any]:
    return {
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
        "options": cell.request.options.as_requested(),
        "interpreter": None
        if other is None
        else {"name": other.name, "python": str(other.python), "backends": list(other.backends)},
        "refused": cell.refused,
        "devices": list(cell.devices),
        "same": cell.same,
    }


if __name__ == "__main__":
    main()
