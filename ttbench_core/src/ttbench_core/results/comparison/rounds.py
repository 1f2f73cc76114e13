"""Two cells of one sweep, compared round by round.

A machine that gets slower during a sweep makes all rounds slower, one after the other: between
the rounds of a cell that is spread, but not in the ratio of two cells of one round. What is left
of the drift is that the two ran at different places of their round. It grows with the distance
of these places, which is known, so it is taken out by linear regression of the ratio's logarithm
on the distance (analysis of covariance; Draper and Smith, Applied Regression Analysis, 1998,
chapter 1: the interval of the intercept).
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from ttbench_core.measure.intervals import CONFIDENCE, Interval, geometric_mean
from ttbench_core.measure.student import two_sided_quantile
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.effect import (
    INCONCLUSIVE,
    Effect,
    rates_by_process,
    replicates_to_add,
    verdict_of,
)

__all__ = ["rounds_effect"]

#: With fewer rounds the interval of a ratio is too wide to be of use.
_MIN_ROUNDS: Final = 3
#: From so many on the drift is taken out, which costs one degree of freedom.
_MIN_ROUNDS_WITH_DRIFT: Final = 4
#: No sweep has more rounds or cells: larger numbers are of a record that no sweep wrote.
_MAX_COUNT: Final = 10**9
#: A ratio with a wider interval, as a logarithm, says nothing.
_MAX_LOG: Final = 100.0


@dataclass(frozen=True)
class _Place:
    """Where a record says that it stands in a sweep."""

    name: str
    cell: str
    #: Which part of the sweep it ran in: another one has places and moments of its own.
    shard: str | None
    #: The round.
    number: int
    position: int


@dataclass(frozen=True)
class _Run:
    """A cell in a round."""

    position: int
    rate_per_s: float


def rounds_effect(old: Sequence[Result], new: Sequence[Result], band: float) -> Effect | None:
    """Compare two sides round by round.

    None if they are not cells of one sweep with three rounds in common, each measured once a
    round: records may come from anywhere.

    Args:
        old: results of the side that the ratio is relative to.
        new: of the side that is judged.
        band: see `effect_of`.
    """
    of_old, of_new = _runs(old), _runs(new)
    if of_old is None or of_new is None or _sweep(old) != _sweep(new):
        return None
    rounds = sorted(of_old.keys() & of_new.keys())
    if len(rounds) < _MIN_ROUNDS:
        return None
    logs = [math.log(of_new[one].rate_per_s / of_old[one].rate_per_s) for one in rounds]
    distances = [of_new[one].position - of_old[one].position for one in rounds]
    fit = _fit(logs, distances)
    half_width = fit.half_width(len(logs))
    if abs(fit.estimate) + half_width > _MAX_LOG:
        return None
    ratio = math.exp(fit.estimate)
    interval = Interval(
        ratio, math.exp(fit.estimate - half_width), math.exp(fit.estimate + half_width)
    )
    verdict, more = verdict_of(interval, band), None
    if verdict == INCONCLUSIVE:
        more = replicates_to_add(ratio, band, functools.partial(_half_width, fit, len(logs)))
    return Effect(ratio, interval, verdict, f"{len(rounds)} rounds of a sweep, in pairs", more)


@dataclass(frozen=True)
class _Fit:
    """The logarithm of a ratio where two cells are at the same place of a round."""

    estimate: float
    #: Standard deviation of a round, of logarithms.
    sd: float
    #: Its variance is that of a round times this.
    leverage: float
    #: Values that were estimated: 1, or 2 with the drift.
    parameters: int

    def half_width(self, count: int) -> float:
        """Give half the width of its 95 % interval."""
        quantile = two_sided_quantile(CONFIDENCE, count - self.parameters)
        return quantile * self.sd * math.sqrt(self.leverage)


def _half_width(fit: _Fit, count: int, more: int) -> float:
    """Give half the width of the interval with more rounds like these."""
    quantile = two_sided_quantile(CONFIDENCE, count + more - fit.parameters)
    return quantile * fit.sd * math.sqrt(fit.leverage * count / (count + more))


def _fit(logs: Sequence[float], distances: Sequence[int]) -> _Fit:
    count = len(logs)
    mean, center = statistics.fmean(logs), statistics.fmean(distances)
    spread = sum((one - center) ** 2 for one in distances)
    if count < _MIN_ROUNDS_WITH_DRIFT or spread == 0:
        return _Fit(mean, statistics.stdev(logs), 1 / count, 1)
    pairs = list(zip(distances, logs, strict=True))
    slope = sum((x - center) * (y - mean) for x, y in pairs) / spread
    estimate = mean - slope * center
    errors = [y - estimate - slope * x for x, y in pairs]
    sd = math.sqrt(sum(one**2 for one in errors) / (count - 2))
    return _Fit(estimate, sd, 1 / count + center**2 / spread, 2)


def _sweep(results: Sequence[Result]) -> tuple[object, object, object]:
    sweep = results[0].sweep or {}
    return sweep.get("name"), sweep.get("shard"), results[0].machine_name


def _runs(results: Sequence[Result]) -> dict[int, _Run] | None:
    """Give the runs of a cell by round; None if they are not of one cell, once a round."""
    found: dict[int, _Run] = {}
    cells = set()
    for result in results:
        place = _place(result)
        if place is None or place.number in found:
            return None
        cells.add((place.name, place.cell, place.shard, result.machine_name))
        rates = [geometric_mean(one) for one in rates_by_process(result)]
        if min(rates) <= 0:
            return None
        found[place.number] = _Run(place.position, geometric_mean(rates))
    return found if len(cells) == 1 else None


def _place(result: Result) -> _Place | None:
    """Give the place of a result; None for what no sweep writes, as records may have any value."""
    sweep = result.sweep
    if not isinstance(sweep, Mapping):
        return None
    name, cell = sweep.get("name"), sweep.get("cell")
    number, position, shard = sweep.get("round"), sweep.get("position"), sweep.get("shard")
    if not isinstance(name, str) or not isinstance(cell, str):
        return None
    if not isinstance(shard, str | None):
        return None
    if not _is_count(number) or not _is_count(position):
        return None
    return _Place(name, cell, shard, number, position)


def _is_count(value: Any) -> TypeGuard[int]:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and 0 <= value <= _MAX_COUNT
