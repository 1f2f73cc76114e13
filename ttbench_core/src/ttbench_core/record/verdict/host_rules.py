"""Rules about the machine while it was measured.

Another program that keeps a core busy all the time makes a number wrong and steady:
the times alone cannot show it, so these rules look at the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ttbench_core.record.verdict.evidence import Evidence, Finding, Rule

__all__ = ["RULES"]

#: Load of a quiet machine, by its daemons: a tenth of a core, or 1 % of all cores of a large one.
_QUIET_CORES: Final = 0.1
_QUIET_SHARE: Final = 0.01
#: Load on cores that the run does not use: it costs caches, memory bandwidth and clock rate.
_OTHER_CORES_SHARE: Final = 0.25
#: Error of counting CPU time in ticks.
_SLACK_CORES: Final = 0.1
#: Where threads wait for each other, half a core less can halve the speed.
_BUSY_CORES: Final = 0.5
_BUSY_SHARE: Final = 0.02
_NOISY_SWITCHES_PER_S: Final = 200.0
_NOISY_THROTTLED: Final = 0.01
_UNSTABLE_THROTTLED: Final = 0.05
_NOISY_STEAL: Final = 0.01
_UNSTABLE_STEAL: Final = 0.05
_CLOCK_MISMATCH: Final = 0.01
#: Adjusting the calendar clock by a few ms is no mismatch in a short run.
_CLOCK_SLACK_S: Final = 0.01
_STEADY_GOVERNORS: Final = frozenset({"performance", "userspace"})


def host_busy(evidence: Evidence) -> Iterator[Finding]:
    """CPU time of other programs, which the engine's threads may have had to wait for."""
    busy = [one.others_cores for one in evidence.host_activity if one.others_cores is not None]
    if not busy or evidence.cores is None:
        return
    others, cores = max(busy), evidence.cores
    crowded = (evidence.threads or 1) + others > cores + _SLACK_CORES
    harmless = max(_QUIET_CORES, _QUIET_SHARE * cores) if crowded else _OTHER_CORES_SHARE * cores
    if others <= harmless:
        return
    severe = crowded and others >= max(_BUSY_CORES, _BUSY_SHARE * cores)
    yield Finding(
        "host-busy",
        "unstable" if severe else "noisy",
        f"other programs kept {others:.2f} of {cores} cores busy during the passes"
        f" ({others / cores:.0%})",
        "stop them" if evidence.threads == 1 else "stop them, or leave them cores: fewer --threads",
    )


def preempted(evidence: Evidence) -> Iterator[Finding]:
    """Threads that are preempted while others wait for them."""
    rate = _worst(one.involuntary_switches_per_s for one in evidence.host_activity)
    per_core = rate / max(evidence.cores or 1, 1)
    # stages of the model preempt each other too: without other programs that is no finding
    if not any(host_busy(evidence)):
        return
    if per_core > _NOISY_SWITCHES_PER_S:
        yield Finding(
            "preempted",
            "noisy",
            f"the system put a thread off its core {per_core:.0f} times a second and core",
            "stop other programs, or use fewer --threads",
        )


def throttled(evidence: Evidence) -> Iterator[Finding]:
    """A container's quota stops every thread at once for the rest of a period."""
    worst = _worst(one.throttled_share for one in evidence.host_activity)
    if worst > _NOISY_THROTTLED:
        yield Finding(
            "throttled",
            "unstable" if worst > _UNSTABLE_THROTTLED else "noisy",
            f"the control group was held back {worst:.1%} of the time",
            "raise the container's CPU quota, or use fewer --threads than it allows",
        )


def stolen(evidence: Evidence) -> Iterator[Finding]:
    """Time that the hypervisor gave to other virtual machines."""
    worst = _worst(one.steal_share for one in evidence.host_activity)
    if worst > _NOISY_STEAL:
        yield Finding(
            "steal",
            "unstable" if worst > _UNSTABLE_STEAL else "noisy",
            f"other virtual machines had {worst:.1%} of the cores' time",
            "use a machine of your own, or more --processes at other times",
        )


def clock_mismatch(evidence: Evidence) -> Iterator[Finding]:
    """Two clocks that disagree: the machine was suspended or moved, or its time was set."""
    for one in evidence.host_activity:
        mismatch = abs(one.clock_ratio - 1)
        if mismatch > _CLOCK_MISMATCH and mismatch * one.wall_s > _CLOCK_SLACK_S:
            yield Finding(
                "clock",
                "unstable",
                f"the calendar counted {one.clock_ratio:.3f} s for each second of the clock",
                "measure again; it was suspended, moved or set meanwhile",
            )
            return


def too_many_threads(evidence: Evidence) -> Iterator[Finding]:
    """More threads than cores take turns, and wait for those that do not run."""
    limits = [limit for limit in (evidence.cores, evidence.quota_cores) if limit is not None]
    threads, cores = evidence.threads, min(limits, default=None)
    if threads is not None and cores is not None and threads > cores:
        yield Finding(
            "threads",
            "noisy",
            f"{threads} threads compute on {cores:g} cores",
            f"use --threads {max(int(cores), 1)}",
        )


def changing_frequency(evidence: Evidence) -> Iterator[Finding]:
    """A governor that follows the load; only a hint, as many machines do not let one choose it."""
    changing = sorted(set(evidence.governors) - _STEADY_GOVERNORS)
    if changing:
        yield Finding(
            "frequency",
            "hint",
            f"the CPU frequency follows the load (governor {', '.join(changing)})",
            "cpupower frequency-set -g performance, where you may",
        )


def _worst(values: Iterable[float | None]) -> float:
    """Give the largest known value; 0 where none is known."""
    return max((value for value in values if value is not None), default=0.0)


RULES: Final[tuple[Rule, ...]] = (
    host_busy,
    preempted,
    throttled,
    stolen,
    clock_mismatch,
    too_many_threads,
    changing_frequency,
)
