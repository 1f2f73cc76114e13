"""What the harness itself costs: the same code path around a session that does nothing."""

from __future__ import annotations

import statistics
from collections import deque
from typing import Any, Final

from ttbench_core.measure.passes import CLOCK, Clock, drive
from ttbench_core.model import Inputs

__all__ = ["EmptySession", "harness_ns_per_input"]

_INPUTS: Final = 200
_REPETITIONS: Final = 11


class EmptySession:
    """A session that returns every input at once.

    Args:
        depth: that of the measured session, so that the same code path is taken.
    """

    def __init__(self, depth: int) -> None:
        self.depth: Final = depth
        self._in_flight: deque[Inputs] = deque()

    def push(self, inputs: Inputs) -> None:
        """Take an input."""
        self._in_flight.append(inputs)

    def pop(self) -> Any:
        """Give the oldest input back."""
        return self._in_flight.popleft()


def harness_ns_per_input(depth: int, clock: Clock = CLOCK) -> float:
    """Measure what the harness adds to each input, in ns; about 2 ms in all.

    Two clock readings and two calls; the median of a few repetitions. What the
    engine does for an input, such as handing it to a thread, is not in it.
    """
    session = EmptySession(depth)
    passes = [drive(session, (), _INPUTS, clock) for _ in range(_REPETITIONS)]
    return statistics.median(one.e2e_ns / _INPUTS for one in passes)
