"""Student's t distribution, for degrees of freedom that need not be whole.

The tail probability is the regularised incomplete beta function, computed by
its continued fraction (DLMF 8.17.22); the quantile is found by bisection.
"""

from __future__ import annotations

import functools
import math
from typing import Final

__all__ = ["tail_probability", "two_sided_quantile"]

_ITERATIONS: Final = 300
_PRECISION: Final = 1e-14
#: Replaces a zero denominator in the continued fraction.
_TINY: Final = 1e-300
_BISECTIONS: Final = 200


def tail_probability(t: float, degrees_of_freedom: float) -> float:
    """Give the probability that a value is farther from 0 than `t`, on either side.

    Args:
        t: zero or more.
        degrees_of_freedom: above zero; Welch's need not be whole.
    """
    if degrees_of_freedom <= 0 or t < 0:
        raise ValueError(
            f"needs freedom above 0 and t of 0 or more, not {degrees_of_freedom} and {t}"
        )
    if math.isinf(t):
        return 0.0
    total = degrees_of_freedom + t * t
    return _incomplete_beta(degrees_of_freedom / total, t * t / total, degrees_of_freedom / 2, 0.5)


@functools.cache
def two_sided_quantile(confidence: float, degrees_of_freedom: float) -> float:
    """Give the t that holds `confidence` of the distribution between -t and t.

    For example 12.706 for 0.95 and 1 degree of freedom, 1.960 for very many.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, not at {confidence}")
    wanted = 1 - confidence
    low, high = 0.0, 1.0
    while tail_probability(high, degrees_of_freedom) > wanted:
        low, high = high, high * 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        if tail_probability(middle, degrees_of_freedom) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(x: float, complement: float, a: float, b: float) -> float:
    """Integrate to `x`; `complement` is 1 - x, passed because subtracting would lose its digits."""
    if x <= 0:
        return 0.0
    if complement <= 0:
        return 1.0
    # the fraction converges fast on this side of the mean; the other is its mirror image
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(complement, x, b, a)
    log_front = (
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log(complement)
    )
    return math.exp(log_front) / a / _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Evaluate 1 + d1/(1 + d2/(1 + ...)) by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(1, _ITERATIONS):
        half = term // 2
        if term % 2:
            factor = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            factor = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        d = 1 / ((1 + factor * d) or _TINY)
        c = (1 + factor / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < _PRECISION:
            return value
    raise ArithmeticError(f"no convergence at x={x}, a={a}, b={b}")
