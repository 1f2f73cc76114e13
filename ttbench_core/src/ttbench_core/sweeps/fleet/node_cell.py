"""A cell on a machine of a fleet: an ordinary process of a cell, watched by the cluster's task.

The order is JSON, and so is what comes back: nothing of ttbench is pickled.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Final

from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.cells.cell_process import ProcessHome
from ttbench_core.sweeps.cells.cell_worker import order_of, request_of_order
from ttbench_core.sweeps.cells.host_locks import MACHINE, HostLock
from ttbench_core.sweeps.cells.placed_cell import CellSetting, NotStarted, PlacedCell, place_cell
from ttbench_core.sweeps.cells.placing import Placement, placements
from ttbench_core.sweeps.cells.unmeasured import ended_record
from ttbench_core.sweeps.fleet.needs import ALL, ASSIGNED, resource_of
from ttbench_core.sweeps.schedule import CellRun

__all__ = [
    "NODE_PYTHON",
    "VISIBLE_VARIABLES",
    "cell_order",
    "cell_variables",
    "home_of",
    "run_cell",
    "without_rays",
]

#: The variable of a machine that names the interpreter with ttbench, packs and engines, if it is
#: not the one that runs the cluster's tasks.
NODE_PYTHON: Final = "TTBENCH_NODE_PYTHON"
#: What says which devices a process sees, by the kind of device.
VISIBLE_VARIABLES: Final = {
    "cuda": "CUDA_VISIBLE_DEVICES",
    "silicon": "TT_VISIBLE_DEVICES",
    "tt": "TT_VISIBLE_DEVICES",
}
_OF_RAY: Final = "RAY_"
_PRELOADED: Final = "LD_PRELOAD"
#: The folders of the libraries that Ray brings, in its package.
_RAYS_LIBRARIES: Final = ("ray", "core")
_POLL_S: Final = 0.2


def cell_order(run: CellRun, jobs: int, visible: str) -> str:
    """Give what a machine is asked to run, as JSON.

    Args:
        run: the cell.
        jobs: how many cells a machine runs at once.
        visible: which devices the process sees: see `needs`.
    """
    sweep = run.plan.sweep
    return json.dumps(
        {
            "cell": order_of(run.request(), None, sweep.cell_timeout_s),
            "devices": list(run.cell.devices),
            "jobs": jobs,
            "visible": visible,
            "owner": f"sweep {sweep.name}",
        }
    )


def run_cell(
    order_text: str,
    launch: Mapping[str, str],
    own: Mapping[str, str],
    devices: Mapping[str, Sequence[str]],
) -> str:
    """Run a cell on this machine, and give what came of it as JSON.

    Waits until its device is free: other sweeps of the machine have the same locks.

    Args:
        order_text: of `cell_order`.
        launch: what the record says of the machine and the task.
        own: the variables of the machine, as the cluster was started with them.
        devices: the numbers of those that the cluster has given, by resource.
    """
    order = json.loads(order_text)
    kind = (order["cell"]["options"].get("device") or "").partition(":")[0]
    given = devices.get(resource_of(kind), ()) if order["visible"] == ASSIGNED else ()
    variables = cell_variables(order["visible"], kind, own, given)
    shown = {
        name.lower(): variables[name]
        for name in dict.fromkeys(VISIBLE_VARIABLES.values())
        if name in variables
    }
    order["cell"]["sweep"]["launch"] = {**launch, **shown}
    request = request_of_order(order["cell"])
    setting = CellSetting(None, order["cell"]["timeout_s"], home=home_of(variables))
    places = list(_places(request, order, given))
    while (cell := place_cell(places, setting)) is None:
        time.sleep(_POLL_S)
    if isinstance(cell, NotStarted):
        return _failed(request, cell.reason, 0.0)
    return _followed(cell, request)


def home_of(variables: Mapping[str, str]) -> ProcessHome:
    """Give the interpreter of this machine's ttbench, with variables for it."""
    return ProcessHome(variables.get(NODE_PYTHON) or sys.executable, variables)


def _followed(cell: PlacedCell, request: RunRequest) -> str:
    try:
        while not wait([cell.fileno()], timeout=_POLL_S):
            cell.keep_limit()
    except BaseException:
        cell.kill()
        cell.end()
        raise
    facts = cell.end()
    if "crash" in facts:
        return _failed(request, str(facts["crash"]), cell.seconds)
    return json.dumps({"facts": facts, "seconds": cell.seconds})


def _failed(request: RunRequest, reason: str, seconds: float) -> str:
    """Give a record of this machine, as it knows where the cell ran."""
    record = ended_record(request, reason).to_record()
    facts = {"status": "failed", "reason": reason, "record": record}
    return json.dumps({"facts": facts, "seconds": seconds})


def without_rays(variables: Mapping[str, str]) -> dict[str, str]:
    """Give the variables of a node as they were before Ray added its own.

    Ray preloads its allocator in the process of a node, and a cell would compute with it.

    Args:
        variables: of the process of a node.
    """
    own = {name: value for name, value in variables.items() if not name.startswith(_OF_RAY)}
    if _PRELOADED in own:
        libraries = re.split(r"[:\s]+", own.pop(_PRELOADED))
        kept = [one for one in libraries if one and Path(one).parts[-3:-1] != _RAYS_LIBRARIES]
        own |= {_PRELOADED: ":".join(kept)} if kept else {}
    return own


def cell_variables(
    visible: str, kind: str, own: Mapping[str, str], given: Sequence[str]
) -> dict[str, str]:
    """Give the variables of the cell's process: those of the machine, and the devices it sees.

    Not those of this task, whose number of threads the cluster has set by the processors that it
    counts for it: a cell is to have what it has without the cluster.

    Args:
        visible: which devices it sees: see `needs`.
        kind: of its device.
        own: the variables of the machine.
        given: the numbers of its devices.
    """
    variables = dict(own)
    if visible != ALL:
        variables |= dict.fromkeys(VISIBLE_VARIABLES.values(), "")
        if kind in VISIBLE_VARIABLES:
            variables[VISIBLE_VARIABLES[kind]] = ",".join(given)
    return variables


def _places(
    request: RunRequest, order: Mapping[str, Any], given: Sequence[str]
) -> Iterator[Placement]:
    """Yield where the cell may run: on the given devices alone, else as on any machine.

    As everywhere, a cell on several devices has the machine to itself.
    """
    if not given:
        yield from placements(request, order["devices"], order["jobs"], order["owner"])
        return
    kind = (request.options.device or "").partition(":")[0]
    owner = order["owner"]
    devices = (HostLock(f"device {kind}:{one}", owner=owner) for one in given)
    yield Placement(request, (HostLock(MACHINE, shared=len(given) == 1, owner=owner), *devices))
