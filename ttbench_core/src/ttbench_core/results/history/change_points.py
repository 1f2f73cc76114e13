"""Change points of a sequence of values: E-Divisive in windows, with t tests.

The method of Hunter, now Apache Otava (Fleming et al., "Hunter: Using Change Point Detection to
Hunt for Performance Regressions", 2023, arXiv:2301.03034):

1. Windows of `window` values, each half a window or the last change after the one before, are
   split where the energy statistic is largest (`energy`), for as long as a t test finds that the
   two sides differ. This pass takes ten times the largest p-value: the result are weak points.
2. The weakest point is removed, and its neighbours are tested again over the longer stretches,
   until every point has a small p-value and a magnitude that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ttbench_core.errors import OptionError
from ttbench_core.results.history.energy import Candidate, strongest_candidate
from ttbench_core.results.history.t_test import Contrast, contrast

__all__ = ["DEFAULT_SENSITIVITY", "MIN_RUNS", "Sensitivity", "Split", "find_change_points"]

#: With fewer runs nothing can be found.
MIN_RUNS: Final = 4
_MAX_WINDOW: Final = 1000


@dataclass(frozen=True)
class Sensitivity:
    """What counts as a change.

    Raises `OptionError` for a value out of its range.
    """

    #: The largest p-value of a change point.
    max_p: float = 0.001
    #: The smallest relative change of the mean that counts.
    min_change: float = 0.01
    #: Values that are searched at once.
    window: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.max_p < 1:
            raise OptionError(f"max_p must be between 0 and 1, not {self.max_p}")
        if not 0 <= self.min_change <= 1:
            raise OptionError(f"min_change must be 0 to 1 (0 to 100 %), not {self.min_change}")
        if not MIN_RUNS <= self.window <= _MAX_WINDOW:
            raise OptionError(f"window must be {MIN_RUNS} to {_MAX_WINDOW} runs, not {self.window}")

    @property
    def weak_p(self) -> float:
        """The largest p-value of a weak change point, in the first pass."""
        if self.max_p < 0.05:
            return self.max_p * 10
        return self.max_p * 2 if self.max_p < 0.5 else self.max_p


#: `docs/history.md` has what was measured with it.
DEFAULT_SENSITIVITY: Final = Sensitivity()


@dataclass(frozen=True)
class Split:
    """A change point: the position of the first value after it, and both sides compared.

    The sides reach to the neighbouring change points or the ends.
    """

    index: int
    contrast: Contrast


def find_change_points(
    values: Sequence[float], sensitivity: Sensitivity = DEFAULT_SENSITIVITY
) -> list[Split]:
    """Return the change points of values in the order of time.

    Args:
        values: all above zero and finite.
        sensitivity: what counts as a change.
    """
    if not values:
        return []
    # sums of very large values would overflow; neither places nor p-values depend on the scale
    largest = max(values)
    scaled = [value / largest for value in values]
    weak = _weak_points(scaled, sensitivity)
    return _without_weakest(scaled, weak, sensitivity)


def _weak_points(values: Sequence[float], sensitivity: Sensitivity) -> list[int]:
    found: set[int] = set()
    start, step = 0, sensitivity.window // 2
    while start < len(values):
        window = values[start : start + sensitivity.window]
        of_window = [start + index for index in _divide(window, sensitivity.weak_p)]
        found.update(of_window)
        start = max([start + step, *of_window])
    return sorted(found)


def _divide(values: Sequence[float], max_p: float) -> list[int]:
    """Split a window at its strongest candidate, again and again, while that is significant."""
    bounds = [0, len(values)]
    candidates: dict[tuple[int, int], Candidate] = {}
    while True:
        stretches = [pair for pair in pairwise(bounds) if pair[1] - pair[0] > 1]
        for start, end in stretches:
            if (start, end) not in candidates:
                candidates[start, end] = strongest_candidate(values[start:end])
        if not stretches:
            break
        start, end = max(stretches, key=lambda pair: candidates[pair].q)
        index = start + candidates[start, end].index
        if contrast(values[start:index], values[index:end]).p_value > max_p:
            break
        bounds = sorted([*bounds, index])
    return bounds[1:-1]


def _without_weakest(
    values: Sequence[float], weak: Sequence[int], sensitivity: Sensitivity
) -> list[Split]:
    bounds = [0, *weak, len(values)]
    splits = [_split(values, bounds, at) for at in range(1, len(bounds) - 1)]
    while splits:
        at = max(range(len(splits)), key=lambda at: splits[at].contrast.p_value)
        if splits[at].contrast.p_value < sensitivity.max_p:
            at = min(range(len(splits)), key=lambda at: splits[at].contrast.magnitude)
            if splits[at].contrast.magnitude > sensitivity.min_change:
                break
        del splits[at]
        bounds = [0, *(one.index for one in splits), len(values)]
        for neighbour in (at - 1, at):
            if 0 <= neighbour < len(splits):
                splits[neighbour] = _split(values, bounds, neighbour + 1)
    return splits


def _split(values: Sequence[float], bounds: Sequence[int], at: int) -> Split:
    start, index, end = bounds[at - 1 : at + 2]
    return Split(index, contrast(values[start:index], values[index:end]))
