"""Confidence intervals of geometric means and of their ratios, by Student's t on logarithms.

Times are compared by ratio, so the mean and its interval are computed of their
logarithms: the inverse of an interval of times then is the interval of the rates.
"""

from __future__ import annotations

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
    "geometric_mean_interval",
    "paired_ratio_interval",
    "ratio_interval",
    "welch_degrees_of_freedom",
]

CONFIDENCE: Final = 0.95
#: With two values t is 12.7, and the interval too wide to be of use.
MIN_REPLICATES: Final = 3


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval; all three above zero."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """How far the upper end is above the estimate, as a share of it."""
        return self.high / self.estimate - 1

    def inverse(self) -> Interval:
        """Give the interval of one over the quantity: of rates where this is of times."""
        return Interval(1 / self.estimate, 1 / self.high, 1 / self.low)

    def scaled(self, factor: float) -> Interval:
        """Give the interval of a multiple of the quantity."""
        return Interval(self.estimate * factor, self.low * factor, self.high * factor)

    def contains(self, value: float) -> bool:
        """Return whether a value is within the interval, ends included."""
        return self.low <= value <= self.high


def geometric_mean_interval(values: Sequence[float]) -> Interval | None:
    """Give the geometric mean of independent values with its interval.

    None for fewer than three values. All values must be above zero.
    """
    if len(values) < MIN_REPLICATES:
        return None
    logs = [math.log(value) for value in values]
    return _interval_of_log(
        statistics.fmean(logs),
        statistics.stdev(logs) / math.sqrt(len(logs)),
        len(logs) - 1,
    )


def ratio_interval(
    numerators: Sequence[float],
    denominators: Sequence[float],
    *,
    extra_sds: tuple[float, float] = (0.0, 0.0),
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
    """
    if min(len(numerators), len(denominators)) < 2:
        return None
    numerator_logs = [math.log(value) for value in numerators]
    denominator_logs = [math.log(value) for value in denominators]
    sides = (numerator_logs, denominator_logs)
    squared_errors = [statistics.variance(side) / len(side) for side in sides]
    error = math.sqrt(sum(squared_errors) + sum(sd**2 for sd in extra_sds))
    return _interval_of_log(
        statistics.fmean(numerator_logs) - statistics.fmean(denominator_logs),
        error,
        welch_degrees_of_freedom(squared_errors, [len(side) - 1 for side in sides]),
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
    squared_errors: Sequence[float], degrees_of_freedom: Sequence[int]
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


def _interval_of_log(mean: float, standard_error: float, degrees_of_freedom: float) -> Interval:
    """Give the interval of a quantity from mean and standard error of its logarithm."""
    half_width = two_sided_quantile(CONFIDENCE, degrees_of_freedom) * standard_error
    return Interval(math.exp(mean), math.exp(mean - half_width), math.exp(mean + half_width))
