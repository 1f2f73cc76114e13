"""Confidence intervals of geometric means and of their ratios, by Student's t on logarithms.

Times are compared by ratio, so the mean and its interval are computed of their
logarithms: an interval of times then is the interval of rates turned over.
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
    "LEAST_REPLICATES",
    "Interval",
    "geometric_mean_interval",
    "paired_ratio_interval",
    "ratio_interval",
    "welch_freedom",
]

CONFIDENCE: Final = 0.95
#: With two values t is 12.7: an interval that says nothing is not given.
LEAST_REPLICATES: Final = 3


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval; all three above zero."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """How far the upper end lies above the estimate, as a share of it."""
        return self.high / self.estimate - 1

    def inverse(self) -> Interval:
        """The same of one over the quantity: of rates where this is of times."""
        return Interval(1 / self.estimate, 1 / self.high, 1 / self.low)

    def scaled(self, factor: float) -> Interval:
        """The same of a multiple of the quantity."""
        return Interval(self.estimate * factor, self.low * factor, self.high * factor)

    def contains(self, value: float) -> bool:
        """Say whether a value lies within, ends included."""
        return self.low <= value <= self.high


def geometric_mean_interval(values: Sequence[float]) -> Interval | None:
    """Give the geometric mean of independent values with its interval.

    None for fewer than three values. All values must be above zero.
    """
    if len(values) < LEAST_REPLICATES:
        return None
    logs = [math.log(value) for value in values]
    return _around(
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
            degrees of freedom stay those of the spreads that were seen, which
            errs on the wide side.
    """
    if min(len(numerators), len(denominators)) < 2:
        return None
    upper = [math.log(value) for value in numerators]
    lower = [math.log(value) for value in denominators]
    parts = [statistics.variance(side) / len(side) for side in (upper, lower)]
    spread = math.sqrt(sum(parts) + sum(one**2 for one in extra_sds))
    return _around(
        statistics.fmean(upper) - statistics.fmean(lower),
        spread,
        welch_freedom(parts, [len(upper) - 1, len(lower) - 1]),
    )


def paired_ratio_interval(
    numerators: Sequence[float], denominators: Sequence[float]
) -> Interval | None:
    """Give the ratio of values that were measured in pairs, with its interval.

    What both of a pair share, such as a drifting machine, cancels out. None for
    fewer than three pairs.
    """
    pairs = zip(numerators, denominators, strict=True)
    return geometric_mean_interval([upper / lower for upper, lower in pairs])


def welch_freedom(parts: Sequence[float], freedoms: Sequence[int]) -> float:
    """Give the degrees of freedom of a difference of means whose variances differ.

    By Welch and Satterthwaite; between the least of `freedoms` and their sum.

    Args:
        parts: the squared standard error of each mean.
        freedoms: the degrees of freedom of each.
    """
    if sum(parts) == 0:
        return float(sum(freedoms))
    weights = [part / sum(parts) for part in parts]
    return 1 / sum(weight**2 / one for weight, one in zip(weights, freedoms, strict=True))


def _around(mean_log: float, error_log: float, freedom: float) -> Interval:
    reach = two_sided_quantile(CONFIDENCE, freedom) * error_log
    return Interval(math.exp(mean_log), math.exp(mean_log - reach), math.exp(mean_log + reach))
