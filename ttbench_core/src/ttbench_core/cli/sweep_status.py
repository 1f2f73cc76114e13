"""`ttbench sweep --status`: how far a sweep is, wherever it runs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ttbench_core.cli.terminal import print_exact, print_pairs
from ttbench_core.sweeps.asked import share_of
from ttbench_core.sweeps.definition.sweep import Sweep, SweepError
from ttbench_core.sweeps.journal.status import STATES, CellState, Driver, SweepStatus, status_of
from ttbench_core.sweeps.planning.planning import plan_sweep
from ttbench_core.sweeps.shards.shard_outputs import targets_of_all

__all__ = ["show_status"]

#: Cells that are shown of each state without `--all`.
_MAX_SHOWN: Final = 50


def show_status(sweep: Sweep, options: argparse.Namespace) -> int:
    """Print how far a sweep is; gives 0 if nothing failed and nothing is missing, else 1.

    Raises `RequestError`, and `ResultsFileError` for a target that cannot be read.
    """
    if not sweep.outputs:
        raise SweepError(
            f"{sweep.source}: --status reads the results of the sweep: name them with -o TARGET"
        )
    # from anywhere: the machine that looks need have neither the packs nor the engines
    share = share_of(options.shard, options.times)
    plan = plan_sweep(sweep, share=share, everywhere=True, refuse_unknown=True)
    targets, notes = targets_of_all(sweep.outputs)
    found = status_of(plan, targets, [*plan.notes, *notes])
    if options.json:
        print_exact(json.dumps(_record(found), allow_nan=False))
    else:
        print_pairs(_rows(found, all_cells=options.all))
    return 0 if found.is_complete else 1


def _rows(found: SweepStatus, *, all_cells: bool) -> Iterator[tuple[str, str]]:
    plan = found.plan
    shard = "" if plan.shard is None else f", shard {plan.shard}"
    yield "sweep", f"{plan.sweep.name} ({plan.identity[:12]}){shard}"
    rounds = "" if plan.sweep.rounds == 1 else f" in {plan.sweep.rounds} rounds"
    yield "runs", f"{len(found.cells):,}{rounds}: {_counts_text(found.counts)}"
    for title, name in (("machine", "host"), ("shard", "shard")):
        for value, counts in found.counts_by(name).items():
            yield title, f"{value}: {_counts_text(counts)}"
    for driver in found.drivers:
        yield ("lost" if driver.is_lost else "driver"), _driver_text(driver)
    for state in ("running", "failed", "missing"):
        yield from _cell_rows(state, found.cells, all_cells=all_cells)
    for note in found.notes:
        yield "note", note


def _cell_rows(
    state: str, cells: Sequence[CellState], *, all_cells: bool
) -> Iterator[tuple[str, str]]:
    of_state = [one for one in cells if one.state == state]
    several = any(one.round > 1 for one in cells)
    for one in of_state if all_cells else of_state[:_MAX_SHOWN]:
        number = f", round {one.round}" if several else ""
        yield state, f"{one.label}{number}{f': {one.reason}' if one.reason else ''}"
    if not all_cells and len(of_state) > _MAX_SHOWN:
        yield "", f"... and {len(of_state) - _MAX_SHOWN:,} more: --all shows them"


def _counts_text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[one]:,} {one}" for one in STATES if counts.get(one)) or "nothing"


def _driver_text(driver: Driver) -> str:
    beat = driver.beat
    shard = "" if beat.shard is None else f"shard {beat.shard}, "
    text = f"{beat.host}: {shard}process {beat.pid}, heard {_age_text(driver.age_s)} ago"
    labels = ", ".join(one.label for one in beat.running)
    if driver.is_lost:
        return f"{text}{f'; it ran {labels}' if labels else ''}"
    return f"{text}{f', runs {labels}' if labels else ''}"


def _age_text(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _record(found: SweepStatus) -> dict[str, Any]:
    plan = found.plan
    return {
        "name": plan.sweep.name,
        "identity": plan.identity,
        "shard": None if plan.shard is None else str(plan.shard),
        "rounds": plan.sweep.rounds,
        "complete": found.is_complete,
        **found.counts,
        "machines": found.counts_by("host"),
        "shards": found.counts_by("shard"),
        "drivers": [_driver_record(one) for one in found.drivers],
        "cells": [vars(one) for one in found.cells],
        "notes": list(found.notes),
    }


def _driver_record(driver: Driver) -> dict[str, Any]:
    beat = driver.beat
    return {
        "host": beat.host,
        "pid": beat.pid,
        "shard": beat.shard,
        "time_s": beat.time_s,
        "lost": driver.is_lost,
        "running": [one.label for one in beat.running],
    }
