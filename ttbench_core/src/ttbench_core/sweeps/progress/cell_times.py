"""How long cells took, and how long those that are left may take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.sweeps.progress.progress import Remaining

__all__ = ["CellTimes"]

#: Standard deviations to either side.
_SPREAD: Final = 2


@dataclass(slots=True)
class _Times:
    """Count, mean and sum of squared deviations of times, one after the other (Welford 1962)."""

    count: int = 0
    mean_s: float = 0.0
    squares: float = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        distance = seconds - self.mean_s
        self.mean_s += distance / self.count
        self.squares += distance * (seconds - self.mean_s)

    @property
    def variance(self) -> float:
        return self.squares / self.count if self.count else 0.0


class CellTimes:
    """The times of cells that gave a number, and those that are left.

    Every call takes the same time, however many cells there are.

    Args:
        known: of earlier times, in seconds, by key.
        left: keys of the cells that are left, one as often as it has to run.
    """

    def __init__(self, known: Mapping[str, Sequence[float]], left: Iterable[str] = ()) -> None:
        self._of_cell: Final[dict[str, _Times]] = {}
        self._of_all: Final = _Times()
        self._left: Final = Counter(left)
        #: Of the cells that are left: how many have no time of their own, and the sums of the
        #: means and variances of the others.
        self._unmeasured = self._left.total()
        self._mean_s = self._variance = 0.0
        for key, times in known.items():
            for seconds in times:
                self.add(key, seconds)

    def add(self, key: str, seconds: float) -> None:
        """Add how long a cell took."""
        self._of_all.add(seconds)
        if self._left[key]:  # else nobody asks for its own time
            self._count(key, -1)
            self._of_cell.setdefault(key, _Times()).add(seconds)
            self._count(key, 1)

    def drop(self, key: str, times: int = 1) -> None:
        """Take a cell off those that are left, so many times."""
        self._count(key, -1)
        self._left[key] -= times
        self._count(key, 1)
        if not self._left[key]:
            del self._left[key]
            self._of_cell.pop(key, None)

    def remaining(self) -> Remaining | None:
        """Estimate how long the cells that are left take; None where none has been measured.

        A cell that was measured takes its own mean, any other the mean of all. The spread is
        that of a sum of independent times.
        """
        if not self._of_all.count:
            return None
        expected_s = self._mean_s + self._unmeasured * self._of_all.mean_s
        variance = self._variance + self._unmeasured * self._of_all.variance
        spread_s = _SPREAD * math.sqrt(max(0.0, variance))
        return Remaining(max(0.0, expected_s - spread_s), expected_s, expected_s + spread_s)

    def _count(self, key: str, sign: int) -> None:
        """Add what a cell that is left contributes to the sums, or take it away."""
        left = sign * self._left[key]
        times = self._of_cell.get(key)
        if times is None:
            self._unmeasured += left
        else:
            self._mean_s += left * times.mean_s
            self._variance += left * times.variance
