"""How much faster NEW is than OLD, how certain that is, and what a verdict needs."""

from __future__ import annotations

import bisect
import functools
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ttbench_core.measure.intervals import (
    CONFIDENCE,
    Interval,
    geometric_mean,
    ratio_interval,
    series_inflation,
    welch_degrees_of_freedom,
)
from ttbench_core.measure.student import two_sided_quantile
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.doubts import Doubt

__all__ = [
    "ASSUMED_PROCESS_SD",
    "DEFAULT_BAND",
    "FASTER",
    "INCONCLUSIVE",
    "MAX_ADVISED_PROCESSES",
    "SAME",
    "SLOWER",
    "Effect",
    "Replicates",
    "effect_interval",
    "effect_of",
    "rates_by_process",
    "ratio_interval_text",
    "ratio_text",
    "replicates_of",
    "replicates_to_add",
    "verdict_of",
]

FASTER: Final = "faster"
SLOWER: Final = "slower"
SAME: Final = "same"
INCONCLUSIVE: Final = "inconclusive"

#: Changes up to this share count as the same.
DEFAULT_BAND: Final = 0.02

#: Standard deviation between processes, of logarithms, which passes of one process cannot show: it
#: comes from the placement of memory and threads. Measured on a shared machine with 2 cores it was
#: 1 % when idle and up to 21 % when busy. 3 % suits a machine with little other load; measuring
#: several processes replaces the assumption.
ASSUMED_PROCESS_SD: Final = 0.03
#: More processes than this are not advised.
MAX_ADVISED_PROCESSES: Final = 100
#: More replicates that are tried: if these do not settle it, nothing is advised.
_MAX_TRIED: Final = 100_000
_NS_PER_S: Final = 1e9


@dataclass(frozen=True)
class Replicates:
    """The independent measurements of one side, in samples per second.

    One per process; if there is only one process, its passes.
    """

    samples_per_s: tuple[float, ...]
    processes: int

    @property
    def assumed_sd(self) -> float:
        """The standard deviation, of logarithms, to add for what the replicates cannot show."""
        return ASSUMED_PROCESS_SD if self.processes == 1 else 0.0

    @property
    def inflation(self) -> float:
        """How many replicates say as much as one: passes of one process may be alike."""
        return series_inflation(self.samples_per_s) if self.processes == 1 else 1.0

    @property
    def geometric_mean(self) -> float:
        """Their geometric mean, which the ratio uses."""
        return geometric_mean(self.samples_per_s)

    @property
    def process_variance(self) -> float:
        """The variance between processes, of logarithms: measured, or else assumed."""
        if self.processes > 1:
            return self._variance
        of_passes = self._variance * self.inflation / len(self.samples_per_s)
        return ASSUMED_PROCESS_SD**2 + of_passes

    @property
    def _variance(self) -> float:
        logs = [math.log(one) for one in self.samples_per_s]
        return statistics.variance(logs) if len(logs) > 1 else 0.0


@dataclass(frozen=True)
class Effect:
    """NEW's throughput as a multiple of OLD's."""

    ratio: float
    #: 95 % confidence interval of the ratio; None if a side has one replicate.
    interval: Interval | None
    verdict: str
    #: What the interval is over, in words.
    covers: str
    #: Processes to add on each side for a verdict, if the estimate stays; None if there is a
    #: verdict, if no number would be enough, or if there is a `remedy`.
    more_processes: int | None
    #: Why there is no verdict, whatever the interval is; None where the interval decides.
    reason: str | None = None
    #: What would give a verdict, where that is not a number of processes.
    remedy: str | None = None

    def doubted(self, doubt: Doubt | None) -> Effect:
        """Return the effect without a verdict if there is a doubt about its sides."""
        if doubt is None:
            return self
        return replace(
            self,
            verdict=INCONCLUSIVE,
            more_processes=None,
            reason=doubt.reason,
            remedy=doubt.remedy,
        )


def replicates_of(results: Sequence[Result]) -> Replicates:
    """Return the replicates of results of one key, which all have a throughput."""
    processes = [times for result in results for times in rates_by_process(result)]
    if len(processes) == 1:
        return Replicates(tuple(processes[0]), 1)
    return Replicates(tuple(geometric_mean(rates) for rates in processes), len(processes))


def effect_of(old: Replicates, new: Replicates, band: float) -> Effect:
    """Compare two sides.

    Args:
        old: the side that the ratio is relative to.
        new: the side that is judged.
        band: ratios from 1 / (1 + band) to 1 + band count as the same.
    """
    interval = effect_interval(old, new)
    ratio = interval.estimate if interval else new.geometric_mean / old.geometric_mean
    verdict, more = verdict_of(interval, band), None
    if verdict == INCONCLUSIVE:
        more = replicates_to_add(ratio, band, functools.partial(_half_width, old, new))
    return Effect(ratio, interval, verdict, _coverage(old, new), more)


def effect_interval(old: Replicates, new: Replicates) -> Interval | None:
    """Return the 95 % interval of NEW / OLD; None if a side has one replicate."""
    return ratio_interval(
        new.samples_per_s,
        old.samples_per_s,
        extra_sds=(new.assumed_sd, old.assumed_sd),
        inflations=(new.inflation, old.inflation),
    )


def verdict_of(interval: Interval | None, band: float) -> str:
    """Judge an interval: entirely beyond the band, entirely within it, or neither."""
    if interval is None:
        return INCONCLUSIVE
    lowest, highest = 1 / (1 + band), 1 + band
    if interval.low > highest:
        return FASTER
    if interval.high < lowest:
        return SLOWER
    if lowest <= interval.low and interval.high <= highest:
        return SAME
    return INCONCLUSIVE


def replicates_to_add(ratio: float, band: float, half_width: Callable[[int], float]) -> int | None:
    """Predict how many more replicates would give a verdict if the estimate stays; None for none.

    Args:
        ratio: the estimate.
        band: see `effect_of`.
        half_width: gives half the width of the interval, of logarithms, with so many more; must
            not grow with their number.
    """
    distance = abs(abs(math.log(ratio)) - math.log1p(band))
    if half_width(_MAX_TRIED) > distance:
        return None
    candidates = range(1, _MAX_TRIED + 1)
    return candidates[bisect.bisect_left(candidates, -distance, key=lambda more: -half_width(more))]


def ratio_text(value: float) -> str:
    """Return a ratio as text."""
    return f"{value:.3f}" if 0.01 <= value < 1000 else f"{value:.3g}"


def ratio_interval_text(interval: Interval | None) -> str:
    """Return the interval of a ratio as text; empty if there is none."""
    return f"{ratio_text(interval.low)} to {ratio_text(interval.high)}" if interval else ""


def rates_by_process(result: Result) -> list[list[float]]:
    """Return the samples per second of every pass, process by process."""
    if not result.passes or not result.total_samples:
        # a table has the estimate without passes, the original script only `samples_per_sec`
        estimate = (result.confidence or {}).get("estimate")
        recorded = estimate if isinstance(estimate, (int, float)) and estimate > 0 else None
        return [[float(recorded or result.samples_per_sec or 0)]]
    rates: dict[int, list[float]] = {}
    for one in result.passes:
        rate = result.total_samples * _NS_PER_S / one["e2e_ns"]
        rates.setdefault(one.get("process", 0), []).append(rate)
    return list(rates.values())


def _coverage(old: Replicates, new: Replicates) -> str:
    assumed = f"{ASSUMED_PROCESS_SD:.0%}".replace("%", " %")
    if min(len(old.samples_per_s), len(new.samples_per_s)) < 2:
        return f"{_amount(old)} against {_amount(new)}: one alone shows no spread, so no interval"
    if old.processes > 1 and new.processes > 1:
        return f"{old.processes} processes against {new.processes}"
    if old.processes == new.processes:
        return f"passes of one process each; {assumed} assumed between processes"
    return (
        f"{_amount(old)} against {_amount(new)}; {assumed} assumed between processes"
        " where there is one"
    )


def _amount(side: Replicates) -> str:
    if side.processes > 1:
        return f"{side.processes} processes"
    count = len(side.samples_per_s)
    return f"{count} pass{'' if count == 1 else 'es'} of one process"


def _half_width(old: Replicates, new: Replicates, more: int) -> float:
    """Return half the width of the interval, of logarithms, with more processes on each side."""
    counts = [side.processes + more for side in (old, new)]
    parts = [side.process_variance / count for side, count in zip((old, new), counts, strict=True)]
    degrees_of_freedom = welch_degrees_of_freedom(parts, [count - 1 for count in counts])
    return two_sided_quantile(CONFIDENCE, degrees_of_freedom) * math.sqrt(sum(parts))
