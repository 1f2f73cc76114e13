"""Asking the machines of a cluster what they are, and what they plan."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from ttbench_core.running.processes.handshake import own_version
from ttbench_core.sweeps.definition import Sweep
from ttbench_core.sweeps.definition_record import definition_record
from ttbench_core.sweeps.fleet.cluster import Cluster, ClusterError
from ttbench_core.sweeps.fleet.fleet_plan import FleetPlan, fleet_plan, kind_plan
from ttbench_core.sweeps.fleet.kinds import Kind, Node, NodeReport, kinds_of, report_of
from ttbench_core.sweeps.fleet.node_answers import REPORT
from ttbench_core.sweeps.identity import identity_of

__all__ = ["plan_fleet"]

#: How long a machine may take to answer: it imports each engine and each pack once.
_TIMEOUT_S: Final = 300.0
_ERROR: Final = "error"


def plan_fleet(
    sweep: Sweep,
    cluster: Cluster,
    *,
    jobs: int = 1,
    measured: Collection[str] = (),
    timeout_s: float = _TIMEOUT_S,
) -> FleetPlan:
    """Plan a sweep on the machines of a cluster.

    Each machine is asked once what it is, and one machine of each kind for its plan.

    Args:
        sweep: the definition.
        cluster: its machines.
        jobs: how many cells a machine runs at once.
        measured: keys of cells that have a record.
        timeout_s: how long a machine may take to answer.

    Raises `ClusterError` where no machine can take part, with the reasons of all.
    """
    absent: dict[str, str] = {}
    reports = _reports(cluster, absent, timeout_s)
    identity = identity_of(sweep)
    plans = []
    for kind in kinds_of(reports):
        answer = _plan(cluster, kind, sweep, timeout_s)
        if _ERROR not in answer and answer.get("identity") != identity:
            answer = {_ERROR: "it reads the definition in another way: install one version"}
        if _ERROR in answer:
            absent |= {_name(one): str(answer[_ERROR]) for one in kind.nodes}
        else:
            plans.append(kind_plan(kind, answer, jobs))
    if not plans:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in absent.items())
        raise ClusterError(f"no machine of the cluster can take part: {reasons or 'it has none'}")
    return fleet_plan(sweep, identity, plans, measured, absent)


def _reports(cluster: Cluster, absent: dict[str, str], timeout_s: float) -> list[NodeReport]:
    """Ask all machines what they are; note why some take no part."""
    nodes = {one.id: one for one in cluster.nodes()}
    answers = cluster.ask(tuple(nodes.values()), json.dumps(REPORT), timeout_s)
    reports = []
    for identifier, node in nodes.items():
        answer = _read(answers[identifier])
        if reason := _unfit(answer):
            absent[_name(node)] = reason
        else:
            reports.append(report_of(node, answer))
    return reports


def _unfit(answer: Mapping[str, Any]) -> str | None:
    if _ERROR in answer:
        return str(answer[_ERROR])
    theirs, ours = answer.get("core"), own_version()
    if theirs != ours:
        return f"it has ttbench-core {theirs}, and this is {ours}"
    return None


def _plan(cluster: Cluster, kind: Kind, sweep: Sweep, timeout_s: float) -> Mapping[str, Any]:
    """Ask the machines of a kind for its plan, one after the other until one answers."""
    question = json.dumps({"ask": "plan", "definition": definition_record(sweep)})
    answer: Mapping[str, Any] = {}
    for node in kind.nodes:
        answer = _read(_only(cluster.ask((node,), question, timeout_s)))
        if _ERROR not in answer:
            break
    return answer


def _only(answers: Mapping[str, str]) -> str:
    return next(iter(answers.values()))


def _read(text: str) -> Mapping[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {_ERROR: "it gave no answer that can be read"}


def _name(node: Node) -> str:
    return f"node {node.id[:12]} at {node.address}"
