"""Whether the means of two stretches of values differ: Student's t test, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ttbench_core.measure.student import tail_probability

__all__ = ["Contrast", "contrast"]


@dataclass(frozen=True)
class Contrast:
    """Two neighbouring stretches of values, compared."""

    mean_before: float
    mean_after: float
    #: The probability of means this far apart, or farther, where nothing changed. It is that of
    #: one given place: a place that was searched for has a smaller one by chance.
    p_value: float

    @property
    def magnitude(self) -> float:
        """The change as a share of the smaller mean, from 0 on."""
        smaller, larger = sorted((self.mean_before, self.mean_after))
        return larger / smaller - 1


def contrast(before: Sequence[float], after: Sequence[float]) -> Contrast:
    """Compare two stretches by a two-sided t test with one pooled variance.

    As Apache Otava does, each variance is the mean of the squared deviations, which is that of
    the population. Both stretches have at least one value, and all values are above zero.
    """
    mean_before, mean_after = fmean(before), fmean(after)
    return Contrast(mean_before, mean_after, _p_value(before, after, mean_after - mean_before))


def _p_value(before: Sequence[float], after: Sequence[float], difference: float) -> float:
    degrees_of_freedom = len(before) + len(after) - 2
    if degrees_of_freedom < 1 or difference == 0:
        return 1.0
    weighted = _weighted_variance(before) + _weighted_variance(after)
    error = math.sqrt(weighted / degrees_of_freedom * (1 / len(before) + 1 / len(after)))
    if error == 0:
        return 0.0
    return tail_probability(abs(difference) / error, degrees_of_freedom)


def _weighted_variance(values: Sequence[float]) -> float:
    """Return the variance of a population times one less than its size."""
    mean, size = fmean(values), len(values)
    squares = sum([(value - mean) ** 2 for value in values])
    return squares * (size - 1) / size
