"""What is computed from passes: throughput, distributions, steady rate, Little's law."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.measure.intervals import (
    Interval,
    geometric_mean,
    geometric_mean_interval,
    series_interval,
)
from ttbench_core.measure.passes import Pass

__all__ = [
    "Distribution",
    "SteadyRate",
    "Throughput",
    "distribution_of",
    "mean_in_flight",
    "rate_times_latency",
    "replicates_ns",
    "steady_rate_of",
    "throughput_of",
    "values_needed_for",
]

_NS_PER_S: Final = 1e9
_PERCENTILES: Final = (50, 90, 95, 99)
#: Probability beyond each end of a 95 % interval.
_TAIL: Final = 0.025
_MIN_POINTS: Final = 3


@dataclass(frozen=True)
class Throughput:
    """The headline, with the interval that it lies in.

    Both are of the geometric mean of the replicates: of the passes of one process, or of
    the geometric means of several processes.
    """

    #: End-to-end seconds of one pass.
    total_time_s: float
    #: Samples of one pass: inputs x microbatch.
    samples: int
    samples_per_s: float
    #: 95 % interval of samples per second; None for fewer than three replicates.
    interval: Interval | None
    #: How many replicates the interval is over: processes, or the passes of the only one.
    replicates: int


@dataclass(frozen=True)
class Distribution:
    """How times are distributed; a percentile that the sample cannot support is None.

    A percentile is supported when a 95 % interval of it exists between two of the
    sample's values (order statistics). `needed` has the number of values for that.
    """

    count: int
    min_ns: int
    mean_ns: int
    max_ns: int
    p50_ns: int | None
    p90_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    needed: dict[str, int]


@dataclass(frozen=True)
class SteadyRate:
    """The rate of a full pipeline, and the share of a pass that filling it takes."""

    #: Slope of the completion times: ns from one output to the next.
    interval_ns: float
    #: Share of a pass beyond its inputs times that interval; below zero is noise.
    fill_share: float


def throughput_of(processes: Sequence[Sequence[Pass]], microbatch: int) -> Throughput:
    """Compute the throughput from the geometric mean of the times of a pass.

    Args:
        processes: the passes of each process.
        microbatch: samples of an input.
    """
    samples = len(processes[0][0].pop_ns) * microbatch
    times_ns = replicates_ns(processes)
    interval = (
        geometric_mean_interval(times_ns) if len(processes) > 1 else series_interval(times_ns)
    )
    rates = interval.inverse().scaled(samples * _NS_PER_S) if interval else None
    time_ns = interval.estimate if interval else geometric_mean(times_ns)
    rate = rates.estimate if rates else samples * _NS_PER_S / time_ns
    return Throughput(time_ns / _NS_PER_S, samples, rate, rates, len(times_ns))


def replicates_ns(processes: Sequence[Sequence[Pass]]) -> list[float]:
    """Give one time for each of the outermost repetitions.

    That is the geometric mean of the passes of each process, or, of one process, its passes.
    """
    times_ns = [[float(one.e2e_ns) for one in passes] for passes in processes]
    return times_ns[0] if len(times_ns) == 1 else [geometric_mean(one) for one in times_ns]


def distribution_of(values_ns: Iterable[int]) -> Distribution | None:
    """Summarise times; None where there are none."""
    ordered = sorted(values_ns)
    if not ordered:
        return None
    needed = {f"p{percent}": values_needed_for(percent) for percent in _PERCENTILES}
    found = {
        f"p{percent}_ns": _percentile(ordered, percent)
        if len(ordered) >= values_needed_for(percent)
        else None
        for percent in _PERCENTILES
    }
    return Distribution(
        count=len(ordered),
        min_ns=ordered[0],
        mean_ns=round(statistics.fmean(ordered)),
        max_ns=ordered[-1],
        needed=needed,
        **found,
    )


def values_needed_for(percent: int) -> int:
    """Give the number of values for a percentile: 6 for the 50th, 36, 72 and 368 for 90, 95, 99.

    The largest of n values is above the percentile with probability 1 - p^n: an
    interval of order statistics that is closed above needs p^n of 2.5 % at most.
    """
    share = percent / 100
    return math.ceil(math.log(_TAIL) / math.log(share))


def steady_rate_of(passes: Sequence[Pass], in_flight: int) -> SteadyRate | None:
    """Fit the completion times of each pass while it is full; the median over passes.

    The last `in_flight` - 1 outputs are left out: nothing is pushed between them, so where a push
    takes the time, they are read at once. None where passes have fewer than three others after
    the pipeline was filled.
    """
    drained = in_flight - 1
    slopes = [(one, _slope_ns(one.pop_ns[drained : len(one.pop_ns) - drained])) for one in passes]
    fitted = [(one, slope) for one, slope in slopes if slope is not None]
    if not fitted:
        return None
    return SteadyRate(
        interval_ns=statistics.median(slope for _, slope in fitted),
        fill_share=statistics.median(
            1 - len(one.pop_ns) * slope / one.e2e_ns for one, slope in fitted
        ),
    )


def mean_in_flight(measured: Pass) -> float:
    """Count the inputs in flight over a pass, from the order of pushes and pops alone.

    Little's law says that this is the rate times the mean latency: what
    `rate_times_latency` computes from the same times in another way.
    """
    events = sorted(
        [(time, 1) for time in measured.push_ns] + [(time, -1) for time in measured.pop_ns]
    )
    area, in_flight, previous = 0, 0, 0
    for time, change in events:
        area += in_flight * (time - previous)
        in_flight, previous = in_flight + change, time
    return area / max(measured.e2e_ns, 1)


def rate_times_latency(measured: Pass) -> float:
    """Give inputs per ns times the mean latency in ns."""
    inputs = len(measured.pop_ns)
    return inputs / max(measured.e2e_ns, 1) * statistics.fmean(measured.latency_ns)


def _percentile(ordered: Sequence[int], percent: int) -> int:
    """Interpolate between the two values around the percentile; the 50th is the median."""
    position = (len(ordered) - 1) * percent / 100
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (position - below))


def _slope_ns(pops_ns: Sequence[int]) -> float | None:
    if len(pops_ns) < _MIN_POINTS:
        return None
    return statistics.linear_regression(range(len(pops_ns)), pops_ns).slope
