"""What else the machine did while passes ran: others' CPU time, preemption, throttling."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

from ttbench_core.measure.cgroup import CpuGroup

__all__ = ["Observed", "Reading", "between", "read_counters"]

_NS_PER_S: Final = 1e9
#: The system counts CPU time in ticks of 10 ms a core: a shorter time cannot be told from noise.
_LEAST_WALL_S: Final = 0.3


@dataclass(frozen=True)
class Reading:
    """The counters at one moment; None where the system has none."""

    monotonic_ns: int
    calendar_ns: int
    #: CPU seconds that anybody used on the cores this process may use.
    busy_s: float | None
    #: Seconds that another virtual machine had those cores.
    steal_s: float | None
    #: CPU seconds of this process and its children.
    own_s: float
    involuntary_switches: int
    throttled_ns: int | None


@dataclass(frozen=True)
class Observed:
    """What two readings tell of the time between them."""

    wall_s: float
    #: Cores that others kept busy, on average; None where it cannot be told.
    others_cores: float | None
    #: Cores that this process and its children kept busy.
    own_cores: float
    #: Share of the cores' time that another virtual machine had.
    steal_share: float | None
    #: How often a thread of ours was put off its core, a second.
    involuntary_switches_per_s: float
    #: Share of the cores' time that the control group was held back.
    throttled_share: float | None
    #: Seconds by the calendar's clock for each by the monotonic one.
    clock_ratio: float


def read_counters(
    group: CpuGroup | None = None,
    *,
    root_pid: int | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Reading:
    """Read them; takes about a millisecond.

    Args:
        group: the control group to look at.
        root_pid: the process whose tree is "us"; this process if not given.
        clock: the monotonic clock.
    """
    busy_s, steal_s = _machine_s()
    return Reading(
        monotonic_ns=clock(),
        calendar_ns=time.time_ns(),
        busy_s=busy_s,
        steal_s=steal_s,
        own_s=_tree_s(root_pid),
        involuntary_switches=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
        throttled_ns=(group or CpuGroup()).throttled_ns(),
    )


def between(before: Reading, after: Reading, cores: int) -> Observed:
    """Compare two readings.

    Args:
        before: read when the passes began.
        after: read when they ended.
        cores: cores that this process may use.
    """
    wall_s = max(after.monotonic_ns - before.monotonic_ns, 1) / _NS_PER_S
    own_s = after.own_s - before.own_s
    tellable = wall_s >= _LEAST_WALL_S
    busy_s = _difference(before.busy_s, after.busy_s) if tellable else None
    steal_s = _difference(before.steal_s, after.steal_s) if tellable else None
    throttled_ns = _difference(before.throttled_ns, after.throttled_ns)
    return Observed(
        wall_s=wall_s,
        # a counter that shows less than we used ourselves is not counting here
        others_cores=None
        if busy_s is None or busy_s == 0 < own_s
        else max(busy_s - own_s, 0.0) / wall_s,
        own_cores=own_s / wall_s,
        steal_share=None if steal_s is None else steal_s / wall_s / cores,
        involuntary_switches_per_s=(after.involuntary_switches - before.involuntary_switches)
        / wall_s,
        # the kernel adds up the cores' own times
        throttled_share=None if throttled_ns is None else throttled_ns / _NS_PER_S / wall_s / cores,
        clock_ratio=(after.calendar_ns - before.calendar_ns) / _NS_PER_S / wall_s,
    )


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _machine_s() -> tuple[float | None, float | None]:
    """Sum the busy and the stolen seconds of the cores that this process may use."""
    try:
        cores = psutil.cpu_times(percpu=True)
    except OSError:
        return None, None
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(cores))
    if len(cores) <= max(usable):
        return None, None  # some cores are offline, and the list does not say which
    mine = [cores[index] for index in usable if index < len(cores)]
    # a guest's time is counted in `user` as well
    kinds = ("user", "nice", "system", "irq", "softirq")
    busy = sum(getattr(core, kind, 0.0) for core in mine for kind in kinds)
    stolen = [core.steal for core in mine if hasattr(core, "steal")]
    return busy, sum(stolen) if stolen else None


def _tree_s(root_pid: int | None) -> float:
    """Sum the CPU seconds of a process, of its children and of those that have ended."""
    root = psutil.Process(root_pid)
    return sum(map(_spent_s, [root, *root.children(recursive=True)]))


def _spent_s(process: psutil.Process) -> float:
    try:
        spent = process.cpu_times()
    except psutil.Error:
        return 0.0
    kinds = ("user", "system", "children_user", "children_system")
    return float(sum(getattr(spent, kind, 0.0) for kind in kinds))
