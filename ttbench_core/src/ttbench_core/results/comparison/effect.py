"""How much faster NEW is than OLD, how sure that is, and what would make it surer."""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.measure.intervals import (
    CONFIDENCE,
    Interval,
    ratio_interval,
    welch_degrees_of_freedom,
)
from ttbench_core.measure.student import two_sided_quantile
from ttbench_core.record.result import Result

__all__ = [
    "ASSUMED_PROCESS_SD",
    "DEFAULT_BAND",
    "FASTER",
    "INCONCLUSIVE",
    "MOST_ADVISED",
    "SAME",
    "SLOWER",
    "Effect",
    "Replicates",
    "effect_of",
    "interval_of",
    "rates_by_process",
    "replicates_of",
    "verdict_of",
]

FASTER: Final = "faster"
SLOWER: Final = "slower"
SAME: Final = "same"
INCONCLUSIVE: Final = "inconclusive"

#: Smaller changes than this are called the same.
DEFAULT_BAND: Final = 0.02

#: What passes of one process cannot show: by how much the next process would differ, because of
#: where its memory lies and on which cores it runs. Measured on a shared machine with 2 cores it
#: was 1 % in quiet times and up to 21 % in busy ones. 3 % does for a machine with little else to
#: do; whoever needs to know measures several processes.
ASSUMED_PROCESS_SD: Final = 0.03
#: More processes than anyone would be told to run.
MOST_ADVISED: Final = 100
#: An estimate that this many processes a side would not tell from the band's edge lies on it.
_ENDLESS: Final = 100_000
_NS_PER_S: Final = 1e9


@dataclass(frozen=True)
class Replicates:
    """The independent measurements of one side, in samples per second.

    One for each process; where there is one process alone, its passes stand in.
    """

    samples_per_s: tuple[float, ...]
    processes: int

    @property
    def unseen_sd(self) -> float:
        """The standard deviation, of logarithms, that the replicates cannot show."""
        return ASSUMED_PROCESS_SD if self.processes == 1 else 0.0

    @property
    def typical(self) -> float:
        """Their geometric mean, which the ratio is taken of."""
        return math.exp(statistics.fmean(math.log(one) for one in self.samples_per_s))

    @property
    def process_variance(self) -> float:
        """The variance of the logarithm of one process, as far as it is known."""
        if self.processes > 1:
            return self._variance
        return ASSUMED_PROCESS_SD**2 + self._variance / len(self.samples_per_s)

    @property
    def _variance(self) -> float:
        logs = [math.log(one) for one in self.samples_per_s]
        return statistics.variance(logs) if len(logs) > 1 else 0.0


@dataclass(frozen=True)
class Effect:
    """NEW's throughput as a multiple of OLD's."""

    ratio: float
    #: 95 % confidence interval of the ratio; None where a side has one replicate.
    interval: Interval | None
    verdict: str
    #: What the interval rests on, in words.
    covers: str
    #: Processes to add on each side for a verdict, if the estimate stays; None where the
    #: verdict stands, and where no number would do.
    more_processes: int | None


def replicates_of(results: Sequence[Result]) -> Replicates:
    """Take the replicates of results that are alike and all have a headline."""
    processes = [times for result in results for times in rates_by_process(result)]
    if len(processes) == 1:
        return Replicates(tuple(processes[0]), 1)
    # the median time is the median rate turned over for odd counts alone: it is the time's
    medians = tuple(1 / statistics.median(1 / rate for rate in rates) for rates in processes)
    return Replicates(medians, len(processes))


def effect_of(old: Replicates, new: Replicates, band: float) -> Effect:
    """Compare two sides.

    Args:
        old: what the ratio is relative to.
        new: what is judged.
        band: the ratios from 1 / (1 + band) to 1 + band count as the same.
    """
    interval = interval_of(old, new)
    verdict = verdict_of(interval, band)
    return Effect(
        ratio=new.typical / old.typical,
        interval=interval,
        verdict=verdict,
        covers=_coverage(old, new),
        more_processes=_more_processes(old, new, band) if verdict == INCONCLUSIVE else None,
    )


def interval_of(old: Replicates, new: Replicates) -> Interval | None:
    """Give the 95 % interval of NEW / OLD; None where a side has one replicate."""
    return ratio_interval(
        new.samples_per_s, old.samples_per_s, extra_sds=(new.unseen_sd, old.unseen_sd)
    )


def verdict_of(interval: Interval | None, band: float) -> str:
    """Judge an interval: wholly beyond the band, wholly within, or neither."""
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


def rates_by_process(result: Result) -> list[list[float]]:
    """Give the samples per second of every pass, process by process."""
    if not result.passes or not result.total_samples:
        # a table keeps what its passes came to, the original script the headline alone
        estimate = (result.confidence or {}).get("estimate")
        known = estimate if isinstance(estimate, (int, float)) and estimate > 0 else None
        return [[float(known or result.samples_per_sec or 0)]]
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


def _more_processes(old: Replicates, new: Replicates, band: float) -> int | None:
    """Foresee how many processes more a side would give a verdict, if the estimate stays."""
    estimate, edge = abs(math.log(new.typical / old.typical)), math.log1p(band)
    distance = abs(estimate - edge)
    if _reach(old, new, _ENDLESS) > distance:
        return None
    numbers = range(1, _ENDLESS + 1)
    # the reach shrinks as processes are added, so that its negative is sorted
    return numbers[bisect.bisect_left(numbers, -distance, key=lambda more: -_reach(old, new, more))]


def _reach(old: Replicates, new: Replicates, more: int) -> float:
    """Give half the width of the interval, of logarithms, with more processes on each side."""
    counts = [side.processes + more for side in (old, new)]
    parts = [side.process_variance / count for side, count in zip((old, new), counts, strict=True)]
    freedom = welch_degrees_of_freedom(parts, [count - 1 for count in counts])
    return two_sided_quantile(CONFIDENCE, freedom) * math.sqrt(sum(parts))
