"""What would make an interval as narrow as wanted: how many passes or processes, how long."""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from typing import Final

from ttbench_core.measure.intervals import CONFIDENCE, Interval
from ttbench_core.measure.passes import Pass
from ttbench_core.measure.stopping import TARGET_HALF_WIDTH
from ttbench_core.measure.student import two_sided_quantile

__all__ = ["how_to_narrow", "rounded_up"]

_NS_PER_S: Final = 1e9
#: More than this is not advised: the machine would change meanwhile.
_MAX_PASSES: Final = 1000
_MAX_PROCESSES: Final = 20
_MAX_TIME_S: Final = 1800.0
#: Fewer processes have an interval that says little.
_MIN_PROCESSES: Final = 5
#: So many times the passes that would just reach it: the scatter that was seen is an estimate too.
_MARGIN: Final = 1.2


def how_to_narrow(processes: Sequence[Sequence[Pass]], interval: Interval) -> str:
    """Say in one line what would probably reach the wanted width, at the scatter that was seen.

    Args:
        processes: the passes of each process.
        interval: theirs; wider than wanted.
    """
    factor = interval.half_width / TARGET_HALF_WIDTH
    ways = [_more_processes(processes, interval)]
    if len(processes) == 1:
        ways.insert(0, _more_passes(processes[0], factor))
    found = [way for way in ways if way]
    if found:
        return f"{' or '.join(found)} would probably reach it if times scatter on like this"
    what = "processes" if len(processes) > 1 else "passes or processes"
    return f"quieten the machine: no reasonable number of {what} reaches it at this scatter"


def rounded_up(number: float) -> int:
    """Round up to two significant digits, so that the number is easy to type."""
    step = 10 ** max(math.ceil(math.log10(number)) - 2, 0)
    return int(math.ceil(number / step) * step)


def _more_passes(passes: Sequence[Pass], factor: float) -> str | None:
    """Name a number of passes; the width of an interval shrinks with its square root."""
    wanted = math.ceil(len(passes) * factor**2 * _MARGIN)
    time_s = wanted * statistics.fmean(one.e2e_ns for one in passes) / _NS_PER_S
    if wanted > _MAX_PASSES or time_s > _MAX_TIME_S:
        return None
    return f"--passes {rounded_up(wanted)} ({_time_text(time_s)})"


def _more_processes(processes: Sequence[Sequence[Pass]], interval: Interval) -> str | None:
    """Name a number of processes of as many passes; of one, those like it are assumed."""
    count, length = len(processes), statistics.fmean(map(len, processes))
    freedom = count - 1 if count > 1 else max(length - 1, 1)
    sd = interval.half_width / two_sided_quantile(CONFIDENCE, freedom) * math.sqrt(count)
    candidates = range(max(_MIN_PROCESSES, count + 1), _MAX_PROCESSES + 1)
    at = bisect.bisect_left(candidates, -TARGET_HALF_WIDTH, key=lambda one: -_half_width(sd, one))
    if at >= len(candidates):
        return None
    each_s = sum(one.e2e_ns for passes in processes for one in passes) / count / _NS_PER_S
    time_s = candidates[at] * each_s
    if time_s > _MAX_TIME_S:
        return None
    return f"--processes {candidates[at]} ({_time_text(time_s)} and {candidates[at]} starts)"


def _half_width(sd: float, count: int) -> float:
    return two_sided_quantile(CONFIDENCE, count - 1) * sd / math.sqrt(count)


def _time_text(time_s: float) -> str:
    if time_s < 1:
        return "less than 1 s of passes"
    return f"{time_s:.0f} s of passes" if time_s < 100 else f"{time_s / 60:.0f} min of passes"
