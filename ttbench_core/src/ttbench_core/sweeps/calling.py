"""`run_sweep`: a sweep from Python; and where a sweep runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ttbench_core.errors import OptionError
from ttbench_core.results.results import Results
from ttbench_core.sweeps.asked import SweepAsked, share_of
from ttbench_core.sweeps.definition.definition_checks import sweep_from, sweep_of
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.definition.toml_file import read_draft
from ttbench_core.sweeps.fleet.ray_cluster import RayCluster, ray_address
from ttbench_core.sweeps.fleet.running import run_on_cluster
from ttbench_core.sweeps.progress.progress import SILENT_SWEEP, SweepObserver
from ttbench_core.sweeps.progress.progress_display import show_sweep
from ttbench_core.sweeps.running import (
    FinishedSweep,
    SweepInterrupted,
    SweepNotStoredError,
    kept_somewhere,
    records_of,
    run_planned,
)
from ttbench_core.sweeps.shards.shard_outputs import texts_of_outputs

__all__ = ["run_asked", "run_sweep"]


def run_sweep(
    definition: str | Path | Sweep | None = None,
    *,
    output: str | Path | Sequence[str | Path] | None = None,
    retry: str | Collection[str] = (),
    jobs: int = 1,
    progress: bool | None = None,
    shard: str | None = None,
    times: str | Path | None = None,
    on: str | None = None,
    **parts: Any,
) -> Results:
    """Run every cell of a sweep that has no record yet; `ttbench sweep` from Python.

    Args:
        definition: a file in TOML (docs/sweeps.md), or a `Sweep`; None makes one of `parts`.
        output: file or URL that records are appended to, or several; those of the definition if
            not given. Called again, the sweep goes on where it ended.
        retry: `failed` or `refused`, or both: rows that are run again.
        jobs: how many cells run at once, on different devices.
        progress: whether to show progress.
        shard: `2/4` runs the second of four parts alone; `{shard}` in `output` is `2of4`.
        times: results, or a file of frozen times, by which shards are made to take as long as
            each other; the same for all shards.
        on: `ray` for the machines of the Ray cluster that runs here, `ray://HOST:PORT` for one with
            its head there; None is this machine.
        parts: of `sweep_of`: `grid`, `settings`, `zips`, `scenarios`, `excludes`, `machines`,
            `name`, `rounds`, `order_seed`, `cell_timeout_s`.

    Returns:
        The records of its cells, also those of earlier calls, of cells that failed, and of those
        that an engine refused.

    Raises:
        SweepError: the definition is wrong; the message names the place.
        ClusterError: there is no cluster, or none of its machines can take part.
        SweepNotStoredError: a record is not in every target; the others are, and it is in a
            rescue file.
        SweepInterrupted: Ctrl-C, a `RunInterrupted`; the records of what ran are in `output`.
    """
    sweep = _defined(definition, parts)
    share = share_of(shard, times)
    if on is not None and share is not None:
        raise OptionError("on gives cells to machines as they are free: leave shard out")
    named = sweep.outputs if output is None else texts_of_outputs(output)
    with kept_somewhere(named, share) as (targets, others):
        retried = [retry] if isinstance(retry, str) else retry
        asked = SweepAsked(sweep, targets, retried, jobs, share, others)
        with show_sweep(print, shown=progress) as observer:
            ended = run_asked(asked, observer, on)
        if ended.outcome.is_interrupted:
            raise SweepInterrupted(ended.outcome.state)
        if ended.outcome.not_stored:
            raise SweepNotStoredError("; ".join(dict.fromkeys(ended.outcome.not_stored)))
        return records_of(ended.plan, targets, others)


def run_asked(
    asked: SweepAsked, observer: SweepObserver = SILENT_SWEEP, on: str | None = None
) -> FinishedSweep:
    """Run a sweep where it is asked to.

    Args:
        asked: the sweep.
        observer: is shown what happens.
        on: see `run_sweep`.

    Raises what `run_planned` does, and `ClusterError`.
    """
    if on is None:
        return run_planned(asked, observer)
    with RayCluster(ray_address(on)) as cluster:
        return run_on_cluster(asked, cluster, observer)


def _defined(definition: str | Path | Sweep | None, parts: Mapping[str, Any]) -> Sweep:
    if definition is None:
        return sweep_of(**parts)
    if parts:
        raise TypeError(f"run_sweep() takes a definition or its parts, not both: {sorted(parts)}")
    if isinstance(definition, Sweep):
        return definition
    return sweep_from(read_draft(Path(definition)))
