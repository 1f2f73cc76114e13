"""What Ray runs on a machine: the tasks of a sweep. Only `ray_cluster` starts them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import psutil

from ttbench_core.errors import TtbenchError, one_line
from ttbench_core.running.processes.handshake import own_version
from ttbench_core.sweeps.cells.host_locks import MACHINE, HostLock
from ttbench_core.sweeps.fleet.needs import GPU, TENSTORRENT
from ttbench_core.sweeps.fleet.node_answers import ANSWER
from ttbench_core.sweeps.fleet.node_cell import home_of, run_cell, without_rays

__all__ = ["answer_of_node", "cell_on_node"]

_ANSWERS: Final = "from ttbench_core.sweeps.fleet.node_answers import main; main()"
_MAX_REASON: Final = 500


def cell_on_node(order: str) -> Iterator[str]:
    """Say where the cell runs, run it, and give what came of it."""
    import ray

    context = ray.get_runtime_context()
    node = context.get_node_id()
    yield json.dumps({"node": node})
    _restore_priority()
    yield run_cell(order, {"by": "ray", "node": node}, _variables_of_node(), _devices(context))


def answer_of_node(question: str, timeout_s: float, core: str) -> str:
    """Answer a question about this machine; an error is an answer, too.

    It waits until no cell runs here: engines are imported for it.

    Args:
        question: for `node_answers`.
        timeout_s: how long the answer may take, and how long it waits at most.
        core: the version of ttbench-core of who asks.
    """
    if own_version() != core:
        return _error(f"Ray's Python has ttbench-core {own_version()}, and the driver {core}")
    if not _restore_priority():
        return _error(
            "Ray runs its tasks with a lower priority (nice) than other processes, so numbers would"
            " not be those of a local run: start it by RAY_worker_niceness=0 ray start ..."
        )
    lock = HostLock(MACHINE, owner="ttbench doctor of a sweep on Ray")
    try:
        if not lock.wait(timeout_s=timeout_s):
            return _error(f"it is busy: {lock.holder()}")
        return _answer(question, timeout_s)
    except TtbenchError as error:
        return _error(one_line(error))
    finally:
        lock.release()


def _answer(question: str, timeout_s: float) -> str:
    home = home_of(_variables_of_node())
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
    return without_rays({} if parent is None else parent.environ())


def _restore_priority() -> bool:
    """Take the priority that the node was started with; return whether this process has it now.

    Ray gives its workers a nice value of 15 and makes them the first to be killed where memory
    is short; a cell would inherit both.
    """
    parent = psutil.Process().parent()
    if parent is None:
        return True
    with contextlib.suppress(OSError):
        with open(f"/proc/{parent.pid}/oom_score_adj", encoding="ascii") as theirs:  # noqa: PTH123
            score = theirs.read()
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as ours:  # noqa: PTH123
            ours.write(score)
    own, wanted = os.getpriority(os.PRIO_PROCESS, 0), parent.nice()
    if own != wanted:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, wanted)
    return bool(os.getpriority(os.PRIO_PROCESS, 0) == wanted)


def _devices(context: object) -> Mapping[str, Sequence[str]]:
    """Give the numbers of the devices that Ray has given to this task, by resource."""
    given = context.get_accelerator_ids()  # type: ignore[attr-defined]
    return {name: [str(one) for one in given.get(name, ())] for name in (GPU, TENSTORRENT)}


def _error(reason: str) -> str:
    return json.dumps({"error": reason})
