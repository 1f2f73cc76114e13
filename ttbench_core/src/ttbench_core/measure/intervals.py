"""Confidence intervals of geometric means and of their ratios, by Student's t on logarithms.

Times are compared by ratio, so the mean and its interval are computed of their
logarithms: the inverse of an interval of times then is the interval of the rates.
An estimate always lies in its own interval.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.measure.student import two_sided_quantile

__all__ = [
    "CONFIDENCE",
    "MIN_REPLICATES",
    "Interval",
    "geometric_mean",
    "geometric_mean_interval",
    "paired_ratio_interval",
    "ratio_interval",
    "series_inflation",
    "series_interval",
    "welch_degrees_of_freedom",
]

CONFIDENCE: Final = 0.95
#: With two values t is 12.7, and the interval too wide to be of use.
MIN_REPLICATES: Final = 3
#: A correlation beyond this is not told from a drift, and would make any interval infinite.
_MAX_CORRELATION: Final = 0.9


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval; all three above zero."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width, as a share of the estimate; the same for the inverse."""
        return (self.high - self.low) / 2 / self.estimate

    def inverse(self) -> Interval:
        """Give the interval of one over the quantity: of rates where this is of times."""
        return Interval(1 / self.estimate, 1 / self.high, 1 / self.low)

    def scaled(self, factor: float) -> Interval:
        """Give the interval of a multiple of the quantity."""
        return Interval(self.estimate * factor, self.low * factor, self.high * factor)

    def contains(self, value: float) -> bool:
        """Return whether a value is within the interval, ends included."""
        return self.low <= value <= self.high


def geometric_mean(values: Sequence[float]) -> float:
    """Give the geometric mean of at least one value, all above zero; exact where all are equal."""
    mean = math.exp(statistics.fmean(map(math.log, values)))
    # rounding may leave the range of the values
    return min(max(mean, float(min(values))), float(max(values)))


def geometric_mean_interval(values: Sequence[float]) -> Interval | None:
    """Give the geometric mean of independent values with its interval.

    None for fewer than three values. All values must be above zero.
    """
    if len(values) < MIN_REPLICATES:
        return None
    logs = [math.log(value) for value in values]
    error = statistics.stdev(logs) / math.sqrt(len(logs))
    return _interval_around(geometric_mean(values), error, len(logs) - 1)


def series_interval(values: Sequence[float]) -> Interval | None:
    """Give the geometric mean of values in their order of time, with its interval.

    As `geometric_mean_interval`, but neighbours may be alike, as passes of one process are:
    see `series_inflation`.

    None for fewer than three values. All values must be above zero.
    """
    if len(values) < MIN_REPLICATES:
        return None
    logs = [math.log(value) for value in values]
    inflation = series_inflation(values)
    error = statistics.stdev(logs) * math.sqrt(inflation / len(logs))
    return _interval_around(geometric_mean(values), error, max((len(logs) - 1) / inflation, 1.0))


def series_inflation(values: Sequence[float]) -> float:
    """Give how many values in their order of time say as much as one independent value.

    n values of which each is correlated with the last one by r (an AR(1) process) say as much
    as n (1 - r) / (1 + r) independent ones. r is that of the logarithms of these values; below
    zero it counts as zero, because it may be chance and would make an interval narrower.
    """
    logs = [math.log(value) for value in values]
    correlation = min(max(_neighbour_correlation(logs), 0.0), _MAX_CORRELATION)
    return (1 + correlation) / (1 - correlation)


def ratio_interval(
    numerators: Sequence[float],
    denominators: Sequence[float],
    *,
    extra_sds: tuple[float, float] = (0.0, 0.0),
    inflations: tuple[float, float] = (1.0, 1.0),
) -> Interval | None:
    """Give the ratio of two geometric means with Welch's interval.

    Args:
        numerators: independent values above zero, at least two.
        denominators: the same; None is given where either side has fewer than two.
        extra_sds: for numerators and denominators, the standard deviation of the
            logarithm, known from elsewhere, that all values of that side share
            and that their spread does not show. It widens the interval; the
            degrees of freedom remain those of the observed spreads, so the
            interval is too wide rather than too narrow.
        inflations: for numerators and denominators, how many values say as much as one
            independent value; see `series_inflation`.
    """
    if min(len(numerators), len(denominators)) < 2:
        return None
    numerator_logs = [math.log(value) for value in numerators]
    denominator_logs = [math.log(value) for value in denominators]
    sides = (numerator_logs, denominator_logs)
    counted = list(zip(sides, inflations, strict=True))
    squared_errors = [statistics.variance(side) * share / len(side) for side, share in counted]
    error = math.sqrt(sum(squared_errors) + sum(sd**2 for sd in extra_sds))
    return _interval_around(
        geometric_mean(numerators) / geometric_mean(denominators),
        error,
        welch_degrees_of_freedom(
            squared_errors, [max((len(side) - 1) / share, 1.0) for side, share in counted]
        ),
    )


def paired_ratio_interval(
    numerators: Sequence[float], denominators: Sequence[float]
) -> Interval | None:
    """Give the ratio of values that were measured in pairs, with its interval.

    What both of a pair share, such as a drifting machine, cancels out. None for
    fewer than three pairs.
    """
    pairs = zip(numerators, denominators, strict=True)
    return geometric_mean_interval([numerator / denominator for numerator, denominator in pairs])


def welch_degrees_of_freedom(
    squared_errors: Sequence[float], degrees_of_freedom: Sequence[float]
) -> float:
    """Give the degrees of freedom of a difference of means whose variances differ.

    By Welch and Satterthwaite; between the minimum of `degrees_of_freedom` and their sum.

    Args:
        squared_errors: the squared standard error of each mean.
        degrees_of_freedom: those of each mean.
    """
    total = sum(squared_errors)
    if total == 0:
        return float(sum(degrees_of_freedom))
    weights = [error / total for error in squared_errors]
    pairs = zip(weights, degrees_of_freedom, strict=True)
    return 1 / sum(weight**2 / degrees for weight, degrees in pairs)


def _neighbour_correlation(values: Sequence[float]) -> float:
    """Give the correlation of each value with the next one; 0 where all are equal."""
    mean = statistics.fmean(values)
    apart = [value - mean for value in values]
    squares = sum(one * one for one in apart)
    products = sum(one * other for one, other in itertools.pairwise(apart))
    return products / squares if squares else 0.0


def _interval_around(estimate: float, standard_error: float, degrees_of_freedom: float) -> Interval:
    """Give the interval of an estimate from the standard error of its logarithm."""
    factor = math.exp(two_sided_quantile(CONFIDENCE, degrees_of_freedom) * standard_error)
    return Interval(estimate, estimate / factor, estimate * factor)
