"""`ttbench sweep --on ray --dry-run`: which machines there are, and which cells can run where."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

from ttbench_core.cli.sweep_plan import print_plan
from ttbench_core.cli.terminal import print_exact
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.fleet.asking import plan_fleet
from ttbench_core.sweeps.fleet.fleet_plan import FleetPlan, fleet_sentences
from ttbench_core.sweeps.fleet.ray_cluster import RayCluster, ray_address
from ttbench_core.sweeps.journal.journal import read_journal
from ttbench_core.sweeps.planning.estimating import read_history
from ttbench_core.sweeps.planning.plan import Plan
from ttbench_core.sweeps.planning.plan_record import plan_record
from ttbench_core.sweeps.planning.planning import estimates_of

__all__ = ["show_fleet_plan"]


def show_fleet_plan(sweep: Sweep, options: argparse.Namespace) -> int:
    """Show what the machines of a cluster would run; gives the exit code.

    Raises `RequestError` for a wrong request, and `ClusterError`.
    """
    targets = check_targets(sweep.outputs)
    measured = read_journal((), sweep.name, targets).ended_cells()
    with RayCluster(ray_address(options.on)) as cluster:
        fleet = plan_fleet(sweep, cluster, measured=measured)
    history, notes = read_history(targets)
    plan = replace(
        fleet.plan,
        estimates=estimates_of(fleet.plan.cells, history),
        notes=(*notes, *fleet.plan.notes),
    )
    if options.json:
        print_exact(json.dumps(_record(plan, fleet), allow_nan=False))
    else:
        results = [str(one) for one in targets]
        machines = list(fleet_sentences(fleet))
        print_plan(plan, results, all_cells=options.all, machines=machines, where=_where(fleet))
    return 0 if plan.runnable else 2


def _where(fleet: FleetPlan) -> dict[str, str]:
    """Give the kinds that can run each cell, where not all cells can run on one and the same."""
    if len(fleet.kinds) == 1:
        return {}
    return {key: ", ".join(kind.name for kind in kinds) for key, kinds in fleet.where.items()}


def _record(plan: Plan, fleet: FleetPlan) -> dict[str, Any]:
    record = plan_record(plan)
    for cell in record["cells"]:
        cell["kinds"] = [kind.name for kind in fleet.where.get(cell["key"], ())]
    record["kinds"] = [
        {
            "name": kind.name,
            "fingerprint": kind.fingerprint,
            "nodes": [
                {"id": one.node.id, "address": one.node.address, "host": one.host}
                for one in kind.reports
            ],
            "cells": fleet.cells_of(kind),
            "backends": list(kind.reports[0].backends),
        }
        for kind in fleet.kinds
    ]
    record["absent"] = dict(fleet.absent)
    return record
