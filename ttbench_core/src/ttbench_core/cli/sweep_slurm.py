"""`ttbench sweep --on slurm`: write the script of a job, and submit it."""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ttbench_core.cli.secrets import message_without_secrets, secrets_of_words
from ttbench_core.cli.terminal import print_exact, print_line, print_pairs
from ttbench_core.sinks.files import replace_file
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.definition.sweep import Sweep, SweepError
from ttbench_core.sweeps.planning.estimating import RunTimes, read_history
from ttbench_core.sweeps.planning.plan import Plan
from ttbench_core.sweeps.planning.planning import plan_sweep
from ttbench_core.sweeps.shards.run_times import SUFFIX, read_times, text_of_times
from ttbench_core.sweeps.shards.shard_outputs import outputs_of_shard, targets_of_all
from ttbench_core.sweeps.shards.shards import Shard
from ttbench_core.sweeps.shards.slurm import (
    SlurmJob,
    gpus_of,
    read_slurm_options,
    safe_name,
    submit,
)

__all__ = ["submit_sweep"]

#: Flags that a task of the job does not get, with and without a value.
_WITH_VALUE: Final = ("--on", "--shards", "--slurm", "--times")
_ALONE: Final = ("--dry-run", "--json", "--all")
_OWNER_ALONE: Final = 0o600


def submit_sweep(sweep: Sweep, options: argparse.Namespace, words: Sequence[str]) -> int:
    """Write the script of a sweep and submit it, or print it; gives the exit code.

    Args:
        sweep: what is run.
        options: the flags.
        words: as they were typed after `ttbench sweep`; tasks of the job get them.

    Raises `RequestError` for a wrong request, and where `sbatch` refuses the script.
    """
    slurm_options = read_slurm_options(options.slurm or ())
    if not sweep.outputs:
        raise SweepError(
            f"{sweep.source}: --on slurm needs a place for the results that all tasks reach:"
            " name it with -o TARGET"
        )
    check_targets(outputs_of_shard(sweep.outputs, Shard(1, options.shards)))
    times = _times(sweep, options)
    # the nodes decide which machines they are, and have packs of their own
    plan = plan_sweep(sweep, everywhere=True, refuse_unknown=True)
    frozen = None if times is None else text_of_times(times)
    times_name = None if frozen is None else _times_name(sweep, frozen)
    job = SlurmJob(
        name=sweep.name,
        shards=options.shards,
        folder=Path.cwd(),
        words=tuple(_words_of_a_task(words)),
        options=slurm_options,
        gpus=gpus_of(plan.cells, options.jobs),
        times=times_name,
    )
    script = job.script()
    if options.dry_run:
        print_exact(json.dumps({"script": script}) if options.json else script, end="")
        return 0
    if frozen is not None and times_name is not None:
        replace_file(Path.cwd() / times_name, frozen.encode())
    file = _written(sweep, script)
    _show(submit(file), file, plan, options, words)
    return 0


def _times(sweep: Sweep, options: argparse.Namespace) -> RunTimes | None:
    """Give the times that all tasks deal by: given ones, else those of the outputs as of now."""
    if options.times is not None:
        return read_times(options.times)
    targets, _ = targets_of_all(sweep.outputs)
    history, _ = read_history(targets)
    found = history.times()
    return found if found.by_kind else None


def _times_name(sweep: Sweep, frozen: str) -> str:
    """Name a file by what it holds: tasks that are queued again read the same as the others."""
    digest = hashlib.sha256(frozen.encode()).hexdigest()[:12]
    return f"{safe_name(sweep.name)}-{digest}{SUFFIX}"


def _words_of_a_task(words: Sequence[str]) -> Iterator[str]:
    given = iter(words)
    for word in given:
        if word == "--":
            yield word
            yield from given
        elif word in _WITH_VALUE:
            next(given, None)
        elif word not in _ALONE and not word.startswith(tuple(f"{one}=" for one in _WITH_VALUE)):
            yield word


def _written(sweep: Sweep, script: str) -> Path:
    """Write the script, for its owner alone: the words may hold a password."""
    file = Path.cwd() / f"{safe_name(sweep.name)}.sbatch"
    file.touch(_OWNER_ALONE)
    file.chmod(_OWNER_ALONE)
    replace_file(file, script.encode())
    return file


def _show(
    job: str, file: Path, plan: Plan, options: argparse.Namespace, words: Sequence[str]
) -> None:
    if options.json:
        print_exact(json.dumps({"job": job, "script": file.name, "shards": options.shards}))
        return
    cells = f"{len(plan.cells):,} cells in {options.shards:,} shards"
    print_pairs([("job", f"{job}: {cells}"), ("script", file.name)])
    typed = shlex.join(["ttbench", "sweep", *_words_of_a_task(words), "--status"])
    print_line(f"how far it is: {message_without_secrets(typed, secrets_of_words(words))}")
