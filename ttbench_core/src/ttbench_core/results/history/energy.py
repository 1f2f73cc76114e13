"""Where a stretch of values most likely changes: the energy statistic of E-Divisive.

Matteson and James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate
Data" (2014), with the exponent 1 and one dimension. A stretch Z is split at every place into X,
which has n values, and Y, the m values that follow it. With S(X, Y) as the sum of all distances
between a value of X and one of Y, and W(X) as the sum of the distances within X, each pair once:

    Q = 2 / (n + m) * (S(X, Y) - m / (n - 1) * W(X) - n / (m - 1) * W(Y))

which is the energy distance of X and Y, scaled by nm / (n + m). Y may end before Z does, so
that a second change does not hide the first. W is 0 for a single value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add

__all__ = ["Candidate", "strongest_candidate"]


@dataclass(frozen=True)
class Candidate:
    """The place in a stretch where Q is largest."""

    #: Position of the first value after the change.
    index: int
    q: float


def strongest_candidate(values: Sequence[float]) -> Candidate:
    """Return where the values most likely change; the earliest place of equals.

    It takes time and memory of the order of the square of their number.

    Args:
        values: at least two, in the order of time.
    """
    if len(values) < 2:
        raise ValueError(f"a change needs two values or more, not {len(values)}")
    within = _sums_within(values)
    found = [
        Candidate(size, _largest_q(size, within[0], within[size])) for size in range(1, len(values))
    ]
    return max(found, key=lambda one: one.q)


def _sums_within(values: Sequence[float]) -> list[list[float]]:
    """Return W of every stretch: element [i][k] is that of the values from i to i + k."""
    sums: list[list[float]] = [[0.0]]
    for start in range(len(values) - 2, -1, -1):
        first = values[start]
        distances = accumulate([abs(first - other) for other in values[start + 1 :]])
        sums.append([0.0, *map(add, sums[-1], distances)])
    sums.reverse()
    return sums


def _largest_q(n: int, from_start: Sequence[float], of_rest: Sequence[float]) -> float:
    """Return the largest Q of a split, whichever of the following values is the last of Y.

    Args:
        n: values of X.
        from_start: W of the first 1, 2, ... values of Z.
        of_rest: W of the first 1, 2, ... values after X.
    """
    of_x = from_start[n - 1]
    per_value = of_x / (n - 1) if n > 1 else 0.0
    # m = 1, where Y has no distances
    best = 2 * (from_start[n] - of_x - per_value) / (n + 1)
    for m, (of_both, of_y) in enumerate(zip(from_start[n + 1 :], of_rest[1:], strict=True), 2):
        between = of_both - of_x - of_y
        q = 2 * (between - m * per_value - n * of_y / (m - 1)) / (n + m)
        if q > best:  # noqa: PLR1730 - a call of max() costs as much as all of the formula
            best = q
    return best
