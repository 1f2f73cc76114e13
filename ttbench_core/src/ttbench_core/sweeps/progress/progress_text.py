"""The words of a sweep's progress."""

from __future__ import annotations

from typing import Final

from ttbench_core.record.formatting import format_number
from ttbench_core.sweeps.progress.progress import CellOutcome, Remaining, SweepState

__all__ = ["cell_line", "format_time", "remaining_text", "state_text"]

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600


def cell_line(outcome: CellOutcome, state: SweepState) -> str:
    """Give what came of a cell in one line."""
    ended = state.done + state.failed + state.refused
    width = len(str(state.total))
    place = f"[{ended:>{width}}/{state.total}]"
    return f"{place} {outcome.label}: {_result(outcome)}"


def state_text(state: SweepState) -> str:
    """Give how far a sweep is: `12 done, 1 failed, 35 left, 4 to 6 min`."""
    parts = [f"{state.done} done"]
    parts += [f"{state.failed} failed"] if state.failed else []
    parts += [f"{state.refused} refused"] if state.refused else []
    parts += [f"{state.left} left"] if state.left else []
    if state.left and state.remaining is not None:
        parts.append(remaining_text(state.remaining))
    return ", ".join(parts)


def remaining_text(left: Remaining) -> str:
    """Give the time that is left with its spread: `about 5 min (4 to 6)`."""
    expected, low, high = left.expected_s, left.low_s, left.high_s
    text = f"about {format_time(expected)}"
    if format_time(low) == format_time(high):
        return text
    return f"{text} ({format_time(low)} to {format_time(high)})"


def format_time(seconds: float) -> str:
    """Give a time in the unit that fits its size: `40 s`, `12 min`, `3.5 h`."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.1f} h"


def _result(outcome: CellOutcome) -> str:
    if outcome.status != "ok" or outcome.rate_per_s is None:
        reason = f": {outcome.reason}" if outcome.reason else ""
        return f"{outcome.status}{reason}{_storage(outcome)}"
    parts = [f"{format_number(outcome.rate_per_s)} {outcome.unit or 'sample'}s/s"]
    if outcome.half_width is not None:
        parts[0] += f" ±{outcome.half_width:.1%}"
    parts += [outcome.verdict] if outcome.verdict else []
    parts += [] if outcome.outputs_are_right else ["wrong outputs"]
    parts.append(format_time(outcome.seconds))
    return ", ".join(parts) + _storage(outcome)


def _storage(outcome: CellOutcome) -> str:
    return f" (not stored: {outcome.not_stored})" if outcome.not_stored else ""
