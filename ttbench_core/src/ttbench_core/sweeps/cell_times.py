"""How long cells took, and how long those that are left may take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.sweeps.progress import Remaining

__all__ = ["CellTimes"]

#: Standard deviations to either side.
_SPREAD: Final = 2


@dataclass
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
    """The times of cells that gave a number.

    Args:
        known: of earlier times, in seconds, by key.
    """

    def __init__(self, known: Mapping[str, Sequence[float]]) -> None:
        self._of_cell: Final[dict[str, _Times]] = {}
        self._of_all: Final = _Times()
        for key, times in known.items():
            for seconds in times:
                self.add(key, seconds)

    def add(self, key: str, seconds: float) -> None:
        """Add how long a cell took."""
        self._of_cell.setdefault(key, _Times()).add(seconds)
        self._of_all.add(seconds)

    def remaining(self, left: Iterable[str]) -> Remaining | None:
        """Estimate how long cells will take; None where no cell has been measured.

        A cell that was measured takes its own mean, any other the mean of all. The spread is
        that of a sum of independent times.

        Args:
            left: keys of the cells, one as often as it has to run.
        """
        if not self._of_all.count:
            return None
        expected_s = variance = 0.0
        for key in left:
            times = self._of_cell.get(key, self._of_all)
            expected_s += times.mean_s
            variance += times.variance
        spread_s = _SPREAD * math.sqrt(variance)
        return Remaining(max(0.0, expected_s - spread_s), expected_s, expected_s + spread_s)
