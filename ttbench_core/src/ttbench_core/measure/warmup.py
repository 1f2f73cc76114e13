"""Warm-up: inputs that settle a session before anything counts.

It ends when two consecutive windows of inputs agree. pyperf's manual warns of
such rules: a program may never settle, or change its speed after it did. So
the warm-up is capped, its samples are kept, and the verdict checks the passes
for drift.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.measure.passes import CLOCK, Clock, DrivableSession, Pass, drive
from ttbench_core.model import Inputs

__all__ = ["WarmUp", "min_inputs", "warm_up"]

#: Minimum number of inputs, in all and for each one in flight. For some models on a CPU the
#: second and third are still slow; a pipeline needs twice its depth to fill and to flow.
_MIN_INPUTS: Final = 3
_INPUTS_PER_DEPTH: Final = 2
#: Inputs of a window; of slow inputs, as many as take a second.
_WINDOW: Final = 10
_MIN_WINDOW: Final = 3
_WINDOW_NS: Final = 1_000_000_000
#: Maximum difference between the medians of two windows that agree, as a share.
_AGREEMENT: Final = 0.05
_MAX_INPUTS: Final = 300
_MAX_NS: Final = 30_000_000_000


@dataclass(frozen=True)
class WarmUp:
    """What the warm-up took, and whether the session settled."""

    drives: tuple[Pass, ...]
    #: Whether the last two windows agreed; None when there were too few inputs for two.
    settled: bool | None
    #: Whether the number of inputs was given.
    fixed: bool

    @property
    def inputs(self) -> int:
        """How many inputs it took."""
        return sum(len(one.pop_ns) for one in self.drives)

    @property
    def latency_ns(self) -> tuple[int, ...]:
        """The latency of each."""
        return tuple(latency for one in self.drives for latency in one.latency_ns)


def warm_up(
    session: DrivableSession,
    inputs: Inputs,
    clock: Clock = CLOCK,
    *,
    count: int | None = None,
    in_flight: int | None = None,
) -> WarmUp:
    """Drive inputs until the session has settled.

    Args:
        session: the one that is warmed up.
        inputs: one microbatch.
        clock: gives ns.
        count: the exact number of inputs, whether it settles or not; 0 is none.
        in_flight: as for `drive`.

    Raises `PassCutShortError` like `drive`.
    """

    def drive_inputs(number: int) -> Pass:
        return drive(session, inputs, number, clock, in_flight=in_flight)

    if count is not None:
        drives = (drive_inputs(count),) if count else ()
        return WarmUp(drives, _halves_agree(drives), fixed=True)
    found = [drive_inputs(min_inputs(session.depth))]
    size = _window_size(_median_interval_ns(found[0]))
    # of very slow inputs the first few are a window already
    first_window = 0 if size == _MIN_WINDOW else 1
    settled: bool | None = None
    while not settled and _may_continue(found, size):
        found.append(drive_inputs(size))
        if len(found) > first_window + 1:
            settled = _agree(_median_interval_ns(found[-2]), _median_interval_ns(found[-1]))
    return WarmUp(tuple(found), settled, fixed=False)


def min_inputs(depth: int) -> int:
    """Give the minimum number of inputs that warm up a session after a pause."""
    return max(_MIN_INPUTS, _INPUTS_PER_DEPTH * depth)


def _window_size(interval_ns: float) -> int:
    return max(_MIN_WINDOW, min(_WINDOW, int(_WINDOW_NS / max(interval_ns, 1))))


def _may_continue(found: Sequence[Pass], size: int) -> bool:
    inputs = sum(len(one.pop_ns) for one in found)
    return inputs + size <= _MAX_INPUTS and sum(one.e2e_ns for one in found) < _MAX_NS


def _median_interval_ns(one: Pass) -> float:
    return statistics.median(one.interval_ns)


def _agree(before: float, after: float) -> bool:
    return abs(after - before) <= _AGREEMENT * before


def _halves_agree(drives: Sequence[Pass]) -> bool | None:
    """Compare the last two windows within one drive."""
    intervals = [interval for one in drives for interval in one.interval_ns]
    size = min(_WINDOW, len(intervals) // 2)
    if size < _MIN_WINDOW:
        return None
    before, after = intervals[-2 * size : -size], intervals[-size:]
    return _agree(statistics.median(before), statistics.median(after))
