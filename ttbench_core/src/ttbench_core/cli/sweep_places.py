"""`--on` of `ttbench sweep`: where a sweep runs, and which flags go with it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from ttbench_core.cli.arguments import UsageError
from ttbench_core.errors import OptionError
from ttbench_core.sweeps.fleet.ray_cluster import ray_address

__all__ = ["SLURM", "read_place", "refuse_contradictions"]

SLURM: Final = "slurm"


def read_place(text: str) -> str:
    """Read the value of `--on`; raises `ArgumentTypeError`."""
    if text == SLURM:
        return text
    try:
        ray_address(text)
    except OptionError as error:
        raise argparse.ArgumentTypeError(f"{error}, or slurm") from error
    return text


def refuse_contradictions(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that mean nothing together."""
    if options.on != SLURM:
        for flag, value in (("--shards", options.shards), ("--slurm", options.slurm)):
            if value is not None:
                raise UsageError(f"{flag} is for --on slurm: give it, or leave {flag} out")
    if options.on is None:
        if options.status and options.dry_run:
            raise UsageError("--status and --dry-run both run nothing: give one of them")
        return
    if options.on == SLURM and options.shards is None:
        raise UsageError("--on slurm makes a task of each shard: say how many with --shards N")
    for flag in _given(options):
        what = "submits all shards" if options.on == SLURM else "runs all cells"
        raise UsageError(f"--on {options.on} {what}: leave {flag} out")


def _given(options: argparse.Namespace) -> Iterator[str]:
    """Yield the flags that no place goes with."""
    if options.shard is not None:
        yield "--shard"
    if options.status:
        yield "--status"
    if options.times is not None and options.on != SLURM:
        yield "--times"
