"""`ttbench sweep` without `--dry-run`: progress, and what came of it."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from ttbench_core.cli.run import signals_interrupt
from ttbench_core.cli.terminal import print_exact, print_line, print_pairs, report_line
from ttbench_core.results.answer import AnswerOptions, Gatherer, answer_of, headline_text
from ttbench_core.results.results import Results
from ttbench_core.sweeps.asked import SweepAsked, share_of
from ttbench_core.sweeps.calling import run_asked
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.progress.progress import CellOutcome
from ttbench_core.sweeps.progress.progress_display import LinesDisplay, show_sweep
from ttbench_core.sweeps.progress.progress_text import state_text
from ttbench_core.sweeps.running import (
    FinishedSweep,
    SweepInterrupted,
    kept_somewhere,
    records_of,
)

__all__ = ["run_cells_of"]


def run_cells_of(sweep: Sweep, options: argparse.Namespace) -> int:
    """Run a sweep and print its summary; gives the exit code.

    Raises `RequestError`, and `RunInterrupted` after Ctrl-C.
    """
    share = share_of(options.shard, options.times)
    with kept_somewhere(sweep.outputs, share) as (targets, others):
        asked = SweepAsked(sweep, targets, options.retry or (), options.jobs, share, others)
        write: Callable[[str], None] = report_line if options.json else print_line
        with signals_interrupt():
            if options.json:
                ended = run_asked(asked, LinesDisplay(write), options.on)
            else:
                with show_sweep(write) as observer:
                    ended = run_asked(asked, observer, options.on)
        where = [str(one) for one in targets] if sweep.outputs else []
        if options.json:
            print_exact(json.dumps(_record(ended, where), allow_nan=False))
        else:
            _print_summary(ended, where)
            if not ended.outcome.is_interrupted:
                _print_best(records_of(ended.plan, targets, others))
    if ended.outcome.is_interrupted:
        raise SweepInterrupted(ended.outcome.state)
    return _exit_code(ended)


def _exit_code(ended: FinishedSweep) -> int:
    if ended.outcome.has_failed:
        return 1
    return 0 if ended.plan.runnable or ended.plan.is_empty_share else 2


def _print_summary(ended: FinishedSweep, where: list[str]) -> None:
    outcome = ended.outcome
    print_line()
    rows = [("sweep", f"{ended.plan.sweep.name}: {state_text(outcome.state)}")]
    if ended.plan.shard is not None:
        empty = ": it has no cell, because there are more shards than cells"
        more = empty if ended.plan.is_empty_share else ""
        rows.append(("shard", f"{ended.plan.shard}{more}"))
    rows += [
        ("failed", f"{one.label}: {one.reason}")
        for one in outcome.outcomes
        if one.status == "failed"
    ]
    rows += [("refused", text) for text in _refusals(outcome.outcomes)]
    rows += [("wrong", f"{label}: its outputs are wrong") for label in outcome.wrong]
    rows += [("not stored", text) for text in outcome.not_stored]
    rows += [("appended to", ", ".join(where))] if where else []
    print_pairs(rows)
    if not where:
        print_line("nothing is kept: with -o FILE the same command goes on where it ended")
    elif outcome.state.left:
        print_line("the same command goes on where it ended")


def _print_best(results: Results) -> None:
    """Print the best of each model, where several engines were measured on it."""
    gatherer = Gatherer()
    for number, result in enumerate(results):
        gatherer.add(number, result)
    answer = answer_of(gatherer.gathering(), AnswerOptions())
    if answer is None:
        return
    print_line()
    for one in answer.headlines:
        print_line(f"{answer.questions[one.question]}: {headline_text(answer, one)}")
    if answer.left_out.questions:
        print_line(f"{answer.left_out.questions} more are left out: more was measured than is kept")


def _refusals(outcomes: list[CellOutcome]) -> Iterator[str]:
    """Yield each reason once, with the number of cells."""
    reasons = Counter(one.reason for one in outcomes if one.status == "refused")
    for reason, count in reasons.items():
        yield f"{count} {'cell' if count == 1 else 'cells'}: {reason}"


def _record(ended: FinishedSweep, where: list[str]) -> dict[str, Any]:
    state, plan = ended.outcome.state, ended.plan
    return {
        "name": plan.sweep.name,
        "identity": plan.identity,
        "shard": None if plan.shard is None else str(plan.shard),
        "total": state.total,
        "done": state.done,
        "failed": state.failed,
        "refused": state.refused,
        "left": state.left,
        "wrong": ended.outcome.wrong,
        "interrupted": ended.outcome.is_interrupted,
        "cells": [asdict(one) for one in ended.outcome.outcomes],
        "targets": where,
    }
