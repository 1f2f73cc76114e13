"""Warm-up: the inputs that settle a session before anything counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ttbench_core.measure.passes import CLOCK, Clock, Driven, Pass, drive

__all__ = ["warm_up"]

#: Inputs at least, and for each one in flight. After the first call the second and third are
#: still slower for some models on a CPU; a pipeline needs its depth twice over to fill and flow.
_LEAST_INPUTS: Final = 3
_INPUTS_PER_DEPTH: Final = 2


def warm_up(session: Driven, inputs: Sequence[Any], clock: Clock = CLOCK) -> Pass:
    """Drive a few inputs and give their times. Raises `PassCutShortError` like `drive`."""
    count = max(_LEAST_INPUTS, _INPUTS_PER_DEPTH * session.depth)
    return drive(session, inputs, count, clock)
