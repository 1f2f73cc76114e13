"""A plan as plain JSON values, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.plan import Plan

__all__ = ["plan_record"]


def plan_record(plan: Plan) -> dict[str, Any]:
    """Give a plan.

    Keys:
        name, identity, rounds, order_seed, cell_timeout_s: of the sweep.
        runs: how many runs all rounds have.
        cells: each with `number`, `key`, `label`, `scenario`, `settings`, `refused` (the reason,
            or null), `same` (how many cells of the definition it stands for) and `estimate`
            (`seconds`, `low_s`, `high_s` and `basis` of one run, or null).
        left_out: pairs of a model and a configuration that it lacks: `reason` and `cells`.
        excluded, merged: counts of cells.
        elsewhere: counts of the cells of machines that this one is not, by name.
        estimate: of all runs whose cells have one, or null.
        unknown_times: cells without an estimate.
        shard: the one that the cells are of, or null; shards: of all, each with `shard`, `cells`
            and `seconds` (null without times).
        notes: sentences.
    """
    sweep = plan.sweep
    return {
        "name": sweep.name,
        "identity": plan.identity,
        "rounds": sweep.rounds,
        "order_seed": sweep.order_seed,
        "cell_timeout_s": sweep.cell_timeout_s,
        "runs": plan.runs,
        "cells": [_cell(plan, one) for one in plan.cells],
        "left_out": [asdict(one) for one in plan.left_out],
        "excluded": plan.excluded,
        "merged": plan.merged,
        "elsewhere": dict(plan.elsewhere),
        "estimate": asdict(plan.estimate) if plan.estimate else None,
        "unknown_times": plan.unknown_times,
        "shard": None if plan.shard is None else str(plan.shard),
        "shards": [
            {"shard": str(one.shard), "cells": one.cells, "seconds": one.seconds}
            for one in plan.parts
        ],
        "notes": list(plan.notes),
    }


def _cell(plan: Plan, cell: Cell) -> dict[str, Any]:
    estimate = plan.estimates.get(cell.key)
    return {
        "number": cell.number,
        "key": cell.key,
        "label": cell.label,
        "scenario": cell.scenario,
        "settings": dict(cell.settings),
        "refused": cell.refused,
        "same": cell.same,
        "estimate": asdict(estimate) if estimate else None,
    }
