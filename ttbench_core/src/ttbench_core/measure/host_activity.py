"""What else the machine did during the passes: others' CPU time, preemption, throttling."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

from ttbench_core.measure.cgroup import CpuGroup

__all__ = ["CounterReading", "HostActivity", "activity_between", "read_counters"]

_NS_PER_S: Final = 1e9
#: The system counts CPU time in ticks of 10 ms a core: in a shorter time they are mostly noise.
_MIN_WALL_S: Final = 0.3


@dataclass(frozen=True)
class CounterReading:
    """The counters at one moment; None where the system has none."""

    monotonic_ns: int
    calendar_ns: int
    #: CPU seconds that all programs used on the cores that this process may use.
    busy_s: float | None
    #: Seconds that another virtual machine had those cores.
    steal_s: float | None
    #: CPU seconds of this process and its children.
    own_s: float
    involuntary_switches: int
    throttled_ns: int | None


@dataclass(frozen=True)
class HostActivity:
    """The machine in the time between two readings of the counters."""

    wall_s: float
    #: Cores that other programs kept busy, on average; None where it is not known.
    others_cores: float | None
    #: Cores that this process and its children kept busy.
    own_cores: float
    #: Share of the cores' time that another virtual machine had.
    steal_share: float | None
    #: How often a second the system preempted a thread of this process.
    involuntary_switches_per_s: float
    #: Share of the cores' time that the control group was throttled.
    throttled_share: float | None
    #: Seconds by the calendar's clock for each by the monotonic one.
    clock_ratio: float


def read_counters(
    group: CpuGroup | None = None,
    *,
    root_pid: int | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> CounterReading:
    """Read the counters; takes about a millisecond.

    Args:
        group: the control group to look at.
        root_pid: the process whose tree counts as this run's own; this process if not given.
        clock: the monotonic clock.
    """
    busy_s, steal_s = _busy_and_steal_s()
    return CounterReading(
        monotonic_ns=clock(),
        calendar_ns=time.time_ns(),
        busy_s=busy_s,
        steal_s=steal_s,
        own_s=_process_tree_s(root_pid),
        involuntary_switches=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
        throttled_ns=(group or CpuGroup()).throttled_ns(),
    )


def activity_between(before: CounterReading, after: CounterReading, cores: int) -> HostActivity:
    """Compare two readings.

    Args:
        before: read when the passes began.
        after: read when they ended.
        cores: cores that this process may use.
    """
    wall_s = max(after.monotonic_ns - before.monotonic_ns, 1) / _NS_PER_S
    own_s = after.own_s - before.own_s
    is_long_enough = wall_s >= _MIN_WALL_S
    busy_s = _difference(before.busy_s, after.busy_s) if is_long_enough else None
    steal_s = _difference(before.steal_s, after.steal_s) if is_long_enough else None
    throttled_ns = _difference(before.throttled_ns, after.throttled_ns)
    return HostActivity(
        wall_s=wall_s,
        # a counter that stands still while this process computes does not count here
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


def _busy_and_steal_s() -> tuple[float | None, float | None]:
    """Sum the busy seconds and the steal of the cores that this process may use."""
    try:
        cores = psutil.cpu_times(percpu=True)
    except OSError:
        return None, None
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(cores))
    if len(cores) <= max(usable):
        return None, None  # some cores are offline, and the list does not say which
    usable_cores = [cores[index] for index in usable if index < len(cores)]
    # a guest's time is counted in `user` as well
    kinds = ("user", "nice", "system", "irq", "softirq")
    busy = sum(getattr(core, kind, 0.0) for core in usable_cores for kind in kinds)
    steal = [core.steal for core in usable_cores if hasattr(core, "steal")]
    return busy, sum(steal) if steal else None


def _process_tree_s(root_pid: int | None) -> float:
    """Sum the CPU seconds of a process, of its children and of those that have ended."""
    root = psutil.Process(root_pid)
    return sum(map(_process_s, [root, *root.children(recursive=True)]))


def _process_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    kinds = ("user", "system", "children_user", "children_system")
    return float(sum(getattr(times, kind, 0.0) for kind in kinds))
