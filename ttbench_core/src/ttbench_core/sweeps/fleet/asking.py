"""Asking the machines of a cluster what they are, and what they plan."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from ttbench_core.running.processes.handshake import own_version
from ttbench_core.sweeps.definition.definition_record import definition_record
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.fleet.cluster import Cluster, ClusterError
from ttbench_core.sweeps.fleet.fleet_plan import FleetPlan, KindPlan, fleet_plan, kind_plan
from ttbench_core.sweeps.fleet.kinds import Kind, Node, NodeReport, kinds_of, report_of
from ttbench_core.sweeps.fleet.node_answers import REPORT
from ttbench_core.sweeps.planning.identity import identity_of
from ttbench_core.sweeps.planning.machines import HOST

__all__ = ["plan_fleet"]

#: How long a machine may take to answer: it imports each engine and each pack once.
_TIMEOUT_S: Final = 300.0
_ERROR: Final = "error"


def plan_fleet(
    sweep: Sweep,
    cluster: Cluster,
    *,
    measured: Collection[str] = (),
    timeout_s: float = _TIMEOUT_S,
) -> FleetPlan:
    """Plan a sweep on the machines of a cluster.

    Each machine is asked once what it is, and one machine of each kind for its plan.

    Args:
        sweep: the definition.
        cluster: its machines.
        measured: keys of cells that have a record.
        timeout_s: how long a machine may take to answer.

    Raises `ClusterError` where no machine can take part, with the reasons of all.
    """
    absent: dict[str, str] = {}
    reports = _reports(cluster, absent, timeout_s, by_host=_tells_hosts(sweep))
    identity = identity_of(sweep)
    question = json.dumps({"ask": "plan", "definition": definition_record(sweep)})
    plans = []
    for kind in kinds_of(reports):
        found = _plan(cluster, kind, question, identity, timeout_s)
        if isinstance(found, KindPlan):
            plans.append(found)
        else:
            absent |= {_name(one): found for one in kind.nodes}
    if not plans:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in absent.items())
        raise ClusterError(f"no machine of the cluster can take part: {reasons or 'it has none'}")
    return fleet_plan(sweep, identity, plans, measured, absent)


def _tells_hosts(sweep: Sweep) -> bool:
    """Return whether a table of machines has the name of a host."""
    return any(HOST in table for table in sweep.machines.values())


def _reports(
    cluster: Cluster, absent: dict[str, str], timeout_s: float, *, by_host: bool
) -> list[NodeReport]:
    """Ask all machines what they are; note why some take no part."""
    nodes = {one.id: one for one in cluster.nodes()}
    answers = cluster.ask(tuple(nodes.values()), json.dumps(REPORT), timeout_s)
    reports = []
    for identifier, node in nodes.items():
        answer = _read(answers[identifier])
        if reason := _unfit(answer):
            absent[_name(node)] = reason
        else:
            reports.append(report_of(node, answer, by_host=by_host))
    return reports


def _unfit(answer: Mapping[str, Any]) -> str | None:
    if _ERROR in answer:
        return str(answer[_ERROR])
    theirs, ours = answer.get("core"), own_version()
    if theirs != ours:
        return f"it has ttbench-core {theirs}, and this is {ours}"
    return None


def _plan(
    cluster: Cluster, kind: Kind, question: str, identity: str, timeout_s: float
) -> KindPlan | str:
    """Ask the machines of a kind for its plan, one after the other until one answers.

    Gives the reason where none does.
    """
    reason = ""
    for node in kind.nodes:
        text = _only(cluster.ask((node,), question, timeout_s))
        head = _read(text)
        if _ERROR in head:
            reason = str(head[_ERROR])
        elif head.get("identity") != identity:
            reason = "it reads the definition in another way: install one version"
        else:
            return kind_plan(kind, head, map(json.loads, _further_lines(text)))
    return reason


def _only(answers: Mapping[str, str]) -> str:
    return next(iter(answers.values()))


def _read(text: str) -> Mapping[str, Any]:
    """Read the first line of an answer."""
    try:
        answer = json.loads(text.partition("\n")[0])
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {_ERROR: "it gave no answer that can be read"}


def _further_lines(text: str) -> Iterator[str]:
    """Yield the lines after the first, one at a time: there may be 100,000."""
    start = text.find("\n") + 1
    while 0 < start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _name(node: Node) -> str:
    return f"node {node.id[:12]} at {node.address}"
