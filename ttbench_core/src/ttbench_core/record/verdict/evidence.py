"""What the rules of the verdict look at, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ttbench_core.measure.host_activity import HostActivity
from ttbench_core.measure.intervals import Interval
from ttbench_core.measure.passes import Pass

__all__ = ["Evidence", "Finding", "Rule"]


@dataclass(frozen=True)
class Finding:
    """What one rule found."""

    rule: str
    #: `hint`, `noisy` or `unstable`.
    level: str
    #: What was observed, with its numbers.
    message: str
    #: What helps, in one line.
    remedy: str


@dataclass(frozen=True)
class Evidence:
    """What is known of a measurement; None or empty where it is not known."""

    #: The passes of each process; at least one pass each.
    processes: Sequence[Sequence[Pass]]
    in_flight: int
    #: 95 % interval over the replicates.
    interval: Interval | None
    #: Share of a pass that filling the pipeline took.
    fill_share: float | None = None
    #: Whether the warm-up settled.
    settled: bool | None = None
    #: Of each process: what else the machine did during the passes.
    host_activity: Sequence[HostActivity] = ()
    harness_ns_per_input: float | None = None
    #: How often the engine compiled within the passes.
    compilations: int | None = None
    #: Threads that the engine computes with.
    threads: int | None = None
    #: Cores that the process may run on.
    cores: int | None = None
    #: Cores' worth of time that its control group may use; None without a limit.
    quota_cores: float | None = None
    governors: Sequence[str] = ()


#: Looks at the evidence and yields what it finds.
Rule: TypeAlias = Callable[[Evidence], Iterator[Finding]]
