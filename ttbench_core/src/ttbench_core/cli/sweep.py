"""`ttbench sweep`: many runs of one definition, from flags with lists or from a file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from ttbench_core.cli.sweep_arguments import flag_values, sweep_parser
from ttbench_core.cli.sweep_fleet import show_fleet_plan
from ttbench_core.cli.sweep_places import SLURM, refuse_contradictions
from ttbench_core.cli.sweep_plan import print_plan
from ttbench_core.cli.sweep_running import run_cells_of
from ttbench_core.cli.sweep_slurm import submit_sweep
from ttbench_core.cli.sweep_status import show_status
from ttbench_core.cli.terminal import print_exact
from ttbench_core.sweeps.asked import share_of
from ttbench_core.sweeps.definition.definition_checks import sweep_from
from ttbench_core.sweeps.definition.flags import draft_of_flags, with_flags
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.definition.toml_file import read_draft
from ttbench_core.sweeps.planning.estimating import read_history
from ttbench_core.sweeps.planning.plan import Plan
from ttbench_core.sweeps.planning.plan_record import plan_record
from ttbench_core.sweeps.planning.planning import plan_sweep
from ttbench_core.sweeps.shards.shard_outputs import targets_of_shard

__all__ = ["run_sweep_command"]


def run_sweep_command(words: Sequence[str]) -> int:
    """Run `ttbench sweep`; gives the exit code. Raises `RequestError` for a wrong request."""
    options = sweep_parser().parse_intermixed_args(words)
    sweep = _defined(options)
    refuse_contradictions(options)
    if options.on == SLURM:
        return submit_sweep(sweep, options, words)
    if options.status:
        return show_status(sweep, options)
    if not options.dry_run:
        return run_cells_of(sweep, options)
    if options.on is not None:
        return show_fleet_plan(sweep, options)
    share = share_of(options.shard, options.times)
    shard = None if share is None else share.shard
    targets, others = targets_of_shard(sweep.outputs, shard)
    history, notes = read_history([*targets, *others])
    plan = plan_sweep(sweep, history, notes, share)
    _show(plan, [str(one) for one in targets], options)
    return 0 if plan.runnable or plan.is_empty_share else 2


def _defined(options: argparse.Namespace) -> Sweep:
    flags = flag_values(options)
    draft = draft_of_flags(flags) if options.file is None else read_draft(options.file)
    return sweep_from(draft if options.file is None else with_flags(draft, flags))


def _show(plan: Plan, results: Sequence[str], options: argparse.Namespace) -> None:
    if options.json:
        print_exact(json.dumps(plan_record(plan), allow_nan=False))
    else:
        print_plan(plan, results, all_cells=options.all)
