"""Warm-up: inputs that settle a session before anything counts.

It ends when two neighbouring windows of inputs agree. pyperf's manual warns of
such rules: a program may never settle, or change its speed after it did. So
the warm-up is capped, its samples are kept, and the verdict looks for drift
among the passes by itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.measure.passes import CLOCK, Clock, Driven, Pass, drive

__all__ = ["WarmUp", "least_inputs", "warm_up"]

#: Inputs at least, and for each one in flight. After the first call the second and third are
#: still slower for some models on a CPU; a pipeline needs its depth twice over to fill and flow.
_LEAST_INPUTS: Final = 3
_INPUTS_PER_DEPTH: Final = 2
#: Inputs of a window. Of slow inputs, which have little to settle, as many as take a second.
_WINDOW: Final = 10
_LEAST_WINDOW: Final = 3
_WINDOW_NS: Final = 1_000_000_000
#: How far the medians of two windows that agree may lie apart.
_AGREEMENT: Final = 0.05
_MOST_INPUTS: Final = 300
_MOST_NS: Final = 30_000_000_000


@dataclass(frozen=True)
class WarmUp:
    """What warming up took, and whether it came to rest."""

    drives: tuple[Pass, ...]
    #: Whether the last two windows agreed; None when there were too few inputs to tell.
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
    session: Driven,
    inputs: Sequence[Any],
    clock: Clock = CLOCK,
    *,
    count: int | None = None,
    in_flight: int | None = None,
) -> WarmUp:
    """Drive inputs until the session has settled.

    Args:
        session: what is warmed.
        inputs: one microbatch.
        clock: reads ns.
        count: so many inputs and no more, whether settled or not; 0 is none.
        in_flight: as for `drive`.

    Raises `PassCutShortError` like `drive`.
    """

    def driven(inputs_of_it: int) -> Pass:
        return drive(session, inputs, inputs_of_it, clock, in_flight=in_flight)

    if count is not None:
        drives = (driven(count),) if count else ()
        return WarmUp(drives, _halves_agree(drives), fixed=True)
    found = [driven(least_inputs(session.depth))]
    size = _window(_pace_ns(found[0]))
    # inputs so slow that a window is all the patience there is: the first ones are one
    first = 0 if size == _LEAST_WINDOW else 1
    settled: bool | None = None
    while not settled and _may_go_on(found, size):
        found.append(driven(size))
        if len(found) > first + 1:
            settled = _agree(_pace_ns(found[-2]), _pace_ns(found[-1]))
    return WarmUp(tuple(found), settled, fixed=False)


def least_inputs(depth: int) -> int:
    """Give how many inputs it takes at least to get a session going that has rested."""
    return max(_LEAST_INPUTS, _INPUTS_PER_DEPTH * depth)


def _window(pace_ns: float) -> int:
    return max(_LEAST_WINDOW, min(_WINDOW, int(_WINDOW_NS / max(pace_ns, 1))))


def _may_go_on(found: Sequence[Pass], size: int) -> bool:
    inputs = sum(len(one.pop_ns) for one in found)
    return inputs + size <= _MOST_INPUTS and sum(one.e2e_ns for one in found) < _MOST_NS


def _pace_ns(one: Pass) -> float:
    return statistics.median(one.interval_ns)


def _agree(before: float, after: float) -> bool:
    return abs(after - before) <= _AGREEMENT * before


def _halves_agree(drives: Sequence[Pass]) -> bool | None:
    """Compare the last two windows within one drive."""
    intervals = [interval for one in drives for interval in one.interval_ns]
    size = min(_WINDOW, len(intervals) // 2)
    if size < _LEAST_WINDOW:
        return None
    before, after = intervals[-2 * size : -size], intervals[-size:]
    return _agree(statistics.median(before), statistics.median(after))
