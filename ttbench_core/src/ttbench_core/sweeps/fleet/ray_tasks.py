"""What Ray runs on a machine: the tasks of a sweep. Only `ray_cluster` starts them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import Final

import psutil

from ttbench_core.errors import one_line
from ttbench_core.sweeps.fleet.node_answers import ANSWER
from ttbench_core.sweeps.fleet.node_cell import home_of, run_cell

__all__ = ["answer_of_node", "cell_on_node"]

_ANSWERS: Final = "from ttbench_core.sweeps.fleet.node_answers import main; main()"
_MAX_REASON: Final = 500


def cell_on_node(order: str) -> Iterator[str]:
    """Say where the cell runs, run it, and give what came of it."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    yield json.dumps({"node": node})
    yield run_cell(order, {"by": "ray", "node": node}, _variables_of_node())


def answer_of_node(question: str, timeout_s: float) -> str:
    """Answer a question about this machine; an error is an answer, too."""
    home = home_of({**os.environ, **_variables_of_node()})
    try:
        found = subprocess.run(
            [home.python, "-c", _ANSWERS],
            input=question + "\n",
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            env=dict(home.variables),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _error(f"it did not answer within {timeout_s:g} s")
    except OSError as error:
        return _error(f"{home.python} cannot be started: {one_line(error)}")
    answer = found.stdout.partition(f"{ANSWER}\n")[2]
    if not answer:
        lines = found.stderr.strip().splitlines() or ["it printed nothing"]
        return _error(f"ttbench does not run in {home.python}: {lines[-1][:_MAX_REASON]}")
    return answer


def _variables_of_node() -> Mapping[str, str]:
    """Give the variables that the node was started with: its raylet is this process's parent."""
    parent = psutil.Process().parent()
    return {} if parent is None else parent.environ()


def _error(reason: str) -> str:
    return json.dumps({"error": reason})
