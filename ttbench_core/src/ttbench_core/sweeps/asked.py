"""What is asked of a sweep beside its definition: where to, which part, what is run again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.errors import OptionError, suggestion
from ttbench_core.request.checking import check_integer
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.shards.run_times import read_times
from ttbench_core.sweeps.shards.shards import Shard, Share

__all__ = ["MAX_JOBS", "RETRIED", "SweepAsked", "share_of"]

#: What `retry` takes.
RETRIED: Final = ("failed", "refused")
MAX_JOBS: Final = 64


@dataclass(frozen=True)
class SweepAsked:
    """A definition, and how it is run this time."""

    sweep: Sweep
    #: Checked targets, at least one.
    targets: tuple[Target, ...]
    #: Statuses of rows that are run again: `failed`, `refused`.
    retry: Collection[str] = ()
    #: How many cells run at once, on different devices.
    jobs: int = 1
    #: The shard that is run; None is all of it.
    share: Share | None = None
    #: What other shards have written, for what is done.
    others: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        """Raise `OptionError` for a status that is none, and for no jobs."""
        check_integer("jobs", self.jobs, minimum=1, maximum=MAX_JOBS)
        for status in self.retry:
            if status not in RETRIED:
                hint = suggestion(status, RETRIED)
                raise OptionError(f"retry {status!r} must be one of {', '.join(RETRIED)}{hint}")


def share_of(shard: str | None, times: str | Path | None) -> Share | None:
    """Give which part of a sweep is asked for; None is all. Raises `OptionError`."""
    if shard is not None:
        return Share(Shard.read(shard), None if times is None else read_times(times))
    if times is not None:
        raise OptionError("times are for dealing out shards: give a shard, such as --shard 1/4")
    return None
